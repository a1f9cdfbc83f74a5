/**
 * Connecting two kernels of the host: a pair area in memory that both domains map.
 *
 * "When the coordinator kernel starts a satellite kernel it establishes a
 * point-to-point connection with all other kernels" (paper, section 2.2).
 */

import type { Kernel } from "../kernel.ts";
import { pairAreaAddress } from "../memory/layout.ts";
import { MemcpyTransport, SharedLines } from "../remote/memcpy_transport.ts";
import { freshCounters, pairAreaSize, type Side } from "../remote/pair_area.ts";
import { RemotePeer } from "../remote/remote_peer.ts";

/** The pair area lies in the memory of the lower station. */
export function connectDomains(one: Kernel, other: Kernel): void {
  const [lower, higher] = one.options.station < other.options.station ? [one, other] : [other, one];
  const area = pairAreaAddress(lower.options.memory.messages, higher.options.station, pairAreaSize);
  lower.complex.space.write(area, freshCounters);
  const lines = new SharedLines();
  join(lower, higher, area, lines, "a");
  join(higher, lower, area, lines, "b");
}

function join(kernel: Kernel, other: Kernel, area: number, lines: SharedLines, side: Side): void {
  const { cpu } = kernel.dispatchers[0]!;
  const transport = new MemcpyTransport({
    clock: kernel.clock,
    space: kernel.complex.space,
    area,
    side,
    lines,
    cpu,
    remoteLatencyNs: kernel.complex.memoryLatencyNs(kernel.options.domain, other.options.domain),
  });
  kernel.connect(other.name, new RemotePeer(kernel, other.index, transport));
}

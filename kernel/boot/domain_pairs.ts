/**
 * Connecting two kernels of the host: a pair area in memory that both domains map.
 *
 * "When the coordinator kernel starts a satellite kernel it establishes a
 * point-to-point connection with all other kernels" (paper, section 2.2).
 */

import type { Kernel } from "../kernel.ts";
import { pairAreaAddress } from "../memory/layout.ts";
import { MemcpyTransport, SharedLines } from "../remote/memcpy_transport.ts";
import { pairAreaSize, type Side } from "../remote/pair_area.ts";
import { RemotePeer } from "../remote/remote_peer.ts";

/** `lower` has the smaller index and the pair area in its memory. */
export function connectDomains(lower: Kernel, higher: Kernel): void {
  const area = pairAreaAddress(lower.options.memory.messages, higher.index, pairAreaSize);
  lower.complex.space.write(area, new Uint8Array(pairAreaSize));
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

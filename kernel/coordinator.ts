/**
 * What the first kernel has and the others do not: the namespace, the boot archive,
 * the list of kernels, and the say over placement.
 */

import type { KernelRow } from "./abi/kernel.ts";
import type { BootArchive } from "./boot/boot_archive.ts";
import { later, milliseconds } from "./hal/hardware.ts";
import type { Kernel } from "./kernel.ts";
import type { Namespace } from "./namespace/namespace.ts";
import type { Manifest } from "./placement/manifest.ts";
import { type Candidate, place, type Placement } from "./placement/placement.ts";
import type { RemotePeer } from "./remote/remote_peer.ts";
import { WaitQueue } from "./scheduling/wait_queue.ts";

/** A kernel of the machine, as the coordinator knows it. */
export interface KnownKernel {
  readonly index: number;
  readonly row: KernelRow;
}

/** How long a kernel may take to tell how busy it is; it takes microseconds, unless it is dead. */
export const answerTime = milliseconds(5);

/** A kernel for the boot log. */
export function describeKernel({ name, isa, cpus, memoryMiB, place }: KernelRow): string {
  return `kernel ${name}: ${isa}, ${cpus} ${cpus === 1 ? "CPU" : "CPUs"}, ${
    Math.round(memoryMiB)
  } MiB, ${place}`;
}

export class Coordinator {
  readonly kernels: KnownKernel[] = [];
  /** Where the kernels of the host keep their message areas, and how to interrupt them. */
  readonly hosts = new Map<
    number,
    { readonly messages: { base: number; size: number }; readonly apicId: number }
  >();
  /** Threads that wait for the power button. */
  readonly powerButton = new WaitQueue();
  powerButtonPressed = false;
  readonly #measurements = new Set<(peer: RemotePeer) => void>();

  constructor(
    readonly kernel: Kernel,
    readonly namespace: Namespace,
    readonly archive: BootArchive,
    /** Switches the machine off. */
    readonly powerOff: (status: number) => void,
  ) {}

  /** Figure 3 over the kernels that are up, with the CPU use that is known of them; throws PlacementError. */
  place(manifest: Manifest): Placement {
    const { services } = this.namespace;
    const candidates = this.kernels.flatMap(({ index, row }): Candidate[] => {
      const control = services.find(({ path, kernel }) => path === row.path && kernel === index);
      if (control === undefined) return [];
      return [{ index, name: row.name, platform: control.platform, cpuUse: this.#cpuUseOf(index) }];
    });
    const kernelsServing = (contractName: string) =>
      services.filter((service) => service.contractName === contractName).map(({ kernel }) => kernel);
    return place(manifest, candidates, kernelsServing);
  }

  messageAreaOf(index: number): { base: number; size: number } {
    const host = this.hosts.get(index);
    if (host === undefined) throw new Error(`Kernel ${index} is not one of the host's`);
    return host.messages;
  }

  /** Interrupts the first CPU of another kernel of the host. */
  interruptKernel(index: number): void {
    const host = this.hosts.get(index);
    if (host === undefined) {
      throw new Error(`A card rang for kernel ${index}, which is not one of the host's`);
    }
    this.kernel.platform.sendIpi(this.kernel.dispatchers[0]!.cpu, host.apicId);
  }

  pressPowerButton(): void {
    this.powerButtonPressed = true;
    this.powerButton.wakeAll();
  }

  /**
   * Asks all kernels how busy they are, for `place`; calls `done` when all have answered, or after `answerTime`:
   * then what a kernel told last has to do.
   */
  measureCpuUse(done: () => void): void {
    const { peers, timers, clock } = this.kernel;
    const missing = new Set(peers);
    if (missing.size === 0) return done();
    const finish = () => {
      timers.cancel(timer);
      this.#measurements.delete(heard);
      done();
    };
    const heard = (peer: RemotePeer) => {
      if (missing.delete(peer) && missing.size === 0) finish();
    };
    const timer = timers.at(later(clock.now, answerTime), finish);
    this.#measurements.add(heard);
    for (const peer of peers) {
      peer.onLoad = () => {
        for (const listener of [...this.#measurements]) listener(peer);
      };
      peer.askLoad();
    }
  }

  #cpuUseOf(index: number): number {
    return index === this.kernel.index ? this.kernel.cpuUse : this.kernel.peer(index).load;
  }
}

/**
 * The kernel's one door to the hardware: what it uses of `hw`, by name.
 *
 * All other files of the kernel import from here, so that this list is the whole
 * of what the operating system asks of a machine: CPUs, physical memory, time.
 * - No device stands here: devices are reached by address, and drivers are programs.
 */

export type { CpuCaches } from "../../hw/cpu/cache.ts";
export type { Cpu } from "../../hw/cpu/cpu.ts";
export type { AtomicInstruction, Isa, IsaName, KernelPrimitive, OperationClass } from "../../hw/cpu/isa.ts";
export type { AddressSpace } from "../../hw/memory/address_space.ts";
export type { CachedRange, DataCache } from "../../hw/memory/data_cache.ts";
export { BusFault } from "../../hw/memory/bus_target.ts";
export type { Complex, Dram, DramBacking, Machine } from "../../hw/machine/machine.ts";
export type { EventLog } from "../../hw/time/event_log.ts";
export type { Clock, EventQueue, ScheduledEvent } from "../../hw/time/event_queue.ts";
export {
  cycles,
  type Duration,
  elapsed,
  type Instant,
  later,
  microseconds,
  milliseconds,
  nanoseconds,
  seconds,
} from "../../hw/time/time.ts";

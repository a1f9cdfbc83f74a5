/**
 * The device models that a machine file may name, and how each is made.
 *
 * One line per model in `builders`; the compiler asks for one for each model that the
 * description's schema knows, and nothing else knows the models by name.
 * - A board's own devices are made by the same table, for its PCI-X bus.
 */

import { isaWith } from "../cpu/isa_tables.ts";
import { DiskDrive } from "../disk/drive.ts";
import type { DiskMedium } from "../disk/medium.ts";
import type { EthernetSwitch } from "../ethernet/switch.ts";
import { createNic } from "../intel_8254x/nic.ts";
import type { HostMemory } from "../iop348/atu_pcie.ts";
import { type Board, createBoard } from "../iop348/board.ts";
import type { PciBus } from "../pci/bus.ts";
import type { PciDeviceFactory } from "../pci/device.ts";
import { createSataController } from "../sii3114/controller.ts";
import type { EventLog } from "../time/event_log.ts";
import type { EventQueue } from "../time/event_queue.ts";
import type {
  BoardDescription,
  BusDescription,
  HostDeviceDescription,
  NicDescription,
  SataDescription,
} from "./description.ts";

/** What devices are made from. */
export interface DeviceSurroundings {
  readonly queue: EventQueue;
  readonly log: EventLog;
  readonly lan: EthernetSwitch;
  /** What the machine's disk keeps its sectors on; without one the cable is empty. */
  readonly medium: DiskMedium | undefined;
  readonly hostMemory: HostMemory;
  /** Boards made so far, in the order of the file. */
  readonly boards: Board[];
  onDebugLine(complex: string, line: string): void;
}

/** The bus that a device is put on. */
interface Place {
  readonly surroundings: DeviceSurroundings;
  readonly name: string;
  readonly bus: BusDescription;
}

type Model = HostDeviceDescription["model"];
type DescriptionOf<M extends Model> = Extract<HostDeviceDescription, { readonly model: M }>;
type Builder<M extends Model> = (description: DescriptionOf<M>, place: Place) => PciDeviceFactory;

const builders: { readonly [M in Model]: Builder<M> } = {
  "intel-8254x": buildNic,
  "sii3114": buildSata,
  "iop348": buildBoard,
};

/** Short names: a device is called by what it is and how many came before it. */
const kindNames: Readonly<Record<Model, string>> = {
  "intel-8254x": "nic",
  "sii3114": "sata",
  "iop348": "card",
};

/** Makes the devices of one bus and puts them into their slots. */
export function attachDevices(
  bus: PciBus,
  busDescription: BusDescription,
  devices: readonly HostDeviceDescription[],
  surroundings: DeviceSurroundings,
  prefix: string,
): void {
  const counts = new Map<Model, number>();
  for (const description of devices) {
    const number = counts.get(description.model) ?? 0;
    counts.set(description.model, number + 1);
    const name = `${prefix}${kindNames[description.model]}${number}`;
    const factory = build(description, { surroundings, name, bus: busDescription });
    // A board has a PCI Express link of its own; the others share the bus.
    bus.attach(description.slot, factory, description.model === "iop348" ? description.link : undefined);
  }
}

function build<M extends Model>(description: DescriptionOf<M>, place: Place): PciDeviceFactory {
  const builder = builders[description.model as M] as Builder<M>;
  return builder(description, place);
}

function buildNic(description: NicDescription, { surroundings, name }: Place): PciDeviceFactory {
  const macAddress = Uint8Array.from(
    description.macAddress.split(":"),
    (digits) => Number.parseInt(digits, 16),
  );
  const plug = description.cable ? surroundings.lan.plug.bind(surroundings.lan) : undefined;
  return createNic({ name, model: description.part, macAddress, plug });
}

function buildSata(description: SataDescription, { surroundings, name, bus }: Place): PciDeviceFactory {
  const { queue, log, medium } = surroundings;
  const drive = medium === undefined
    ? undefined
    : new DiskDrive({ name: `${name}.disk0`, clock: queue, log, medium, parameters: description.disk });
  return createSataController({
    name,
    ports: [drive],
    fifo: {
      busBytesPerSecond: bus.bytesPerSecond,
      linkBytesPerSecond: description.disk.interfaceBytesPerSecond,
      memoryAccessNs: description.memoryAccessNs,
      underrunNs: description.fifoUnderrunNs,
    },
  });
}

function buildBoard(description: BoardDescription, { surroundings, name }: Place): PciDeviceFactory {
  const board = createBoard({
    name,
    queue: surroundings.queue,
    log: surroundings.log,
    isa: isaWith(description.isa, description.primitives),
    description,
    hostMemory: surroundings.hostMemory,
    onDebugLine: (line) => surroundings.onDebugLine(name, line),
  });
  surroundings.boards.push(board);
  attachDevices(board.pcix, description.pciX, description.devices, surroundings, `${name}.`);
  return board.device;
}

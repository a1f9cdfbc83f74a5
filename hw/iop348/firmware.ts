/**
 * The board's own boot loader, in ROM: initialises the card, presents it on the
 * host's PCI Express bus, and starts the image that the host has put into DRAM.
 *
 * It stands for ROM code, so it drives units through their registers only, takes
 * interrupts as the core does, and its work takes the core's time.
 * - The host writes the image's address to IMR1, then `goCommand` to IMR0; the answer
 *   comes in OMR0. After a refusal the loader waits for another go.
 * - An image that lies elsewhere than its load address is moved there first.
 * - At hand-over every interrupt is masked and the core jumps to the image.
 *
 * Follows the Helios paper 3.3 and hardware-reference.md 2.9.
 */

import type { Coprocessor, Cpu } from "../cpu/cpu.ts";
import type { AddressSpace, Mapping } from "../memory/address_space.ts";
import { BusFault } from "../memory/bus_target.ts";
import { type0Header } from "../pci/configuration_space.ts";
import type { RegisterDefinition } from "../register/register_map.ts";
import type { EventLog } from "../time/event_log.ts";
import { type Duration, milliseconds } from "../time/time.ts";
import { admaChannelSpacing, admaRegisters } from "./adma_registers.ts";
import { atuPcieRegisters } from "./atu_pcie.ts";
import { atuPcixRegisters, configurationAddress, selectableDevices } from "./atu_pcix.ts";
import { atuControlBits, outboundEnable } from "./atu_windows.ts";
import { bridgeRegisters } from "./board_registers.ts";
import { interruptSources } from "./interrupt_controller.ts";
import { memoryMap, peripherals } from "./memory_map.ts";
import {
  inboundStatusBits,
  messagingApertureSize,
  messagingCoreRegisters as messaging,
} from "./messaging_registers.ts";
import {
  checkHeader,
  crc32,
  firmwareAnswer,
  type ImageHeader,
  imageHeaderSize,
} from "./satellite_image_check.ts";

/** What the host writes to IMR0 to have the image at IMR1 started. */
export const goCommand = 1;

/**
 * From the end of PCI-X reset to the first configuration cycle. PCI asks for 2^25
 * clocks, 1 s at 33 MHz; shortened, as hardware-reference.md 2.9 allows.
 */
export const pcixResetRecovery = milliseconds(1);

/** Table-driven CRC-32: two loads, three logic operations and the loop, per byte. */
const checksumCyclesPerByte = 8;
/** 500 MB/s from DRAM to DRAM, hardware-reference.md 7.1. */
const moveCyclesPerByte = 2.4;

const windowLimit = (size: number): number => ~(size - 1) >>> 0;
/** BAR type bits: 64-bit memory, and the same prefetchable. */
const memory64 = 0x4;
const memory64Prefetchable = 0xc;
/** ICU enable register 0 on page 4, coprocessor 6. */
const enablePage = 4;
const enableWords = 4;
/** TMR0, coprocessor 6 too. */
const timerRegister = 0;
const timerPage = 9;
const admaChannels = 3;

export interface FirmwareOptions {
  readonly name: string;
  readonly cpu: Cpu;
  readonly space: AddressSpace;
  readonly log: EventLog;
  readonly memorySize: number;
  /** From power-on to the first configuration cycle that the host gets answered. */
  readonly bootTime: Duration;
  /** What goes into the cache line size register of PCI-X devices, in words. */
  readonly pcixCacheLineSize: number;
  /** The source that a PCI-X device's pin is wired to. */
  interruptSource(device: number, pin: number): number;
}

export class Firmware {
  readonly #options: FirmwareOptions;
  readonly #interruptController: Coprocessor;

  constructor(options: FirmwareOptions) {
    const interruptController = options.cpu.coprocessors.get(6);
    if (interruptController === undefined) throw new Error(`${options.cpu.name} has no coprocessor 6`);
    this.#options = options;
    this.#interruptController = interruptController;
  }

  /** Runs at power-on. */
  run(): void {
    const { cpu, bootTime } = this.#options;
    this.#write("atuPcix", atuPcixRegisters.PCSR.offset, 0);
    this.#occupyFor(pcixResetRecovery, () => {
      this.#openPcixWindows();
      this.#scanPcix();
      this.#openPcieWindows();
      cpu.interruptHandler = (source) => this.#interrupted(source);
      const left = Math.max(0, bootTime - pcixResetRecovery) as Duration;
      this.#occupyFor(left, () => this.#present());
    });
  }

  /** Runs when the watchdog has reset the core: the buses stay as they are, and the card waits for a new image. */
  restart(): void {
    this.#record("the watchdog has reset the core");
    for (let channel = 0; channel < admaChannels; channel++) {
      this.#write("adma0", channel * admaChannelSpacing + admaRegisters.ACCR.offset, 0);
    }
    this.#interruptController.write(timerRegister, timerPage, 0);
    for (let word = 0; word < enableWords; word++) this.#interruptController.write(word, enablePage, 0);
    for (let device = 0; device < selectableDevices; device++) {
      if (this.#probe(device, type0Header.VENDOR_ID.offset) === undefined) continue;
      // Nothing may write to memory that will be somebody else's.
      this.#configure(device, type0Header.COMMAND.offset, 0);
    }
    this.#options.cpu.interruptHandler = (source) => this.#interrupted(source);
    this.#occupyFor(this.#options.bootTime, () => this.#present());
  }

  #openPcieWindows(): void {
    const register = atuPcieRegisters;
    const set = (name: keyof typeof register, value: number) =>
      this.#write("atuPcie", register[name].offset, value, widthOf(register[name]));
    set("ATUVID", 0x8086);
    set("ATUDID", 0x3310);
    set("ASVIR", 0x8086);
    set("ASIR", 0x3310);
    set("ATUCCR_BASE", 0x05);
    set("ATUCCR_SUBCLASS", 0x80);
    set("ATUCCR_INTERFACE", 0);
    set("IABAR0", memory64);
    set("IALR0", windowLimit(messagingApertureSize));
    set("IATVR0", memoryMap.messagingHostAperture);
    set("IABAR1", memory64Prefetchable);
    set("IALR1", windowLimit(this.#options.memorySize));
    set("IATVR1", 0);
    set("OUMBAR1", outboundEnable | memoryMap.pcieMemory / 2 ** 32);
    set("OUMWTVR1", 0);
    set("ATUCR", 1 << atuControlBits.outboundEnable);
  }

  /** Devices of the card see DRAM at its own addresses, the core sees the bus at 1_0000_0000. */
  #openPcixWindows(): void {
    const register = atuPcixRegisters;
    const set = (name: keyof typeof register, value: number) =>
      this.#write("atuPcix", register[name].offset, value, widthOf(register[name]));
    const { memorySpace, busMaster, parityErrorResponse, serrEnable } = register.ATUCMD.bits;
    set("ATUCMD", 1 << memorySpace | 1 << busMaster | 1 << parityErrorResponse | 1 << serrEnable);
    set("IABAR1", memory64Prefetchable);
    set("IALR1", windowLimit(this.#options.memorySize));
    set("IATVR1", 0);
    set("OUMBAR0", outboundEnable | memoryMap.pcixMemory / 2 ** 32);
    set("OUMWTVR0", 0);
    set("OIOBAR", memoryMap.pcixIo / 2 ** 16 << 12);
    set("OIOWTVR", 0);
    set("ATUCR", 1 << atuControlBits.outboundEnable);
  }

  /** Stores cache line size and interrupt source where drivers look for them; drivers do the rest. */
  #scanPcix(): void {
    const { VENDOR_ID, CACHE_LINE_SIZE, INTERRUPT_LINE, INTERRUPT_PIN } = type0Header;
    for (let device = 0; device < selectableDevices; device++) {
      if (this.#probe(device, VENDOR_ID.offset) === undefined) continue;
      this.#configure(device, CACHE_LINE_SIZE.offset, this.#options.pcixCacheLineSize);
      const pin = (this.#probe(device, INTERRUPT_PIN.offset & ~3) ?? 0) >>> 8 & 0xff;
      if (pin === 0) continue;
      this.#configure(device, INTERRUPT_LINE.offset, this.#options.interruptSource(device, pin));
    }
  }

  /** A word of configuration space, or undefined after a data abort, which is cleared. */
  #probe(device: number, register: number): number | undefined {
    this.#write("atuPcix", atuPcixRegisters.OCCAR.offset, configurationAddress(device, register));
    try {
      return this.#read("atuPcix", atuPcixRegisters.OCCDR.offset);
    } catch (fault) {
      if (!(fault instanceof BusFault)) throw fault;
      this.#write("busBridge", bridgeRegisters.BECSR.offset, 1 << bridgeRegisters.BECSR.bits.dataAbort);
      this.#write("atuPcix", atuPcixRegisters.ATUISR.offset, 1 << atuPcixRegisters.ATUISR.bits.masterAbort);
      const aborted = 1 << atuPcixRegisters.ATUSR.bits.receivedMasterAbort;
      this.#write("atuPcix", atuPcixRegisters.ATUSR.offset, aborted, 2);
      return undefined;
    }
  }

  /** Writes a byte of configuration space. */
  #configure(device: number, register: number, value: number): void {
    this.#write("atuPcix", atuPcixRegisters.OCCAR.offset, configurationAddress(device, register));
    this.#write("atuPcix", atuPcixRegisters.OCCDR.offset + (register & 3), value, 1);
  }

  #present(): void {
    this.#write("messagingUnit", messaging.IIMR.offset, ~(1 << inboundStatusBits.message0) >>> 0);
    this.#listen();
    const endPoint = this.#read("atuPcie", atuPcieRegisters.PCSR.offset);
    this.#write(
      "atuPcie",
      atuPcieRegisters.PCSR.offset,
      endPoint & ~(1 << atuPcieRegisters.PCSR.bits.configurationRetry),
    );
    this.#record("answers configuration cycles");
  }

  #listen(): void {
    this.#interruptController.write(0, enablePage, 1 << interruptSources.messagingUnit);
  }

  #ignoreInterrupts(): void {
    this.#interruptController.write(0, enablePage, 0);
  }

  #interrupted(source: number): void {
    const { isa } = this.#options.cpu;
    this.#options.cpu.steal(isa.primitives.interruptEntry.cycles + isa.primitives.interruptExit.cycles);
    if (source !== interruptSources.messagingUnit) {
      throw new Error(`The board's ROM was interrupted by source ${source}`);
    }
    const status = this.#read("messagingUnit", messaging.IISR.offset);
    this.#write("messagingUnit", messaging.IISR.offset, status);
    const command = this.#read("messagingUnit", messaging.IMR0.offset);
    if (command !== goCommand) {
      this.#record(`ignores message 0x${command.toString(16)}`);
      return;
    }
    this.#ignoreInterrupts();
    this.#verify(this.#read("messagingUnit", messaging.IMR1.offset));
  }

  #verify(address: number): void {
    const { cpu, space, memorySize } = this.#options;
    if (address + imageHeaderSize > memorySize) return this.#refuse("doesNotFit", address);
    cpu.occupy(imageHeaderSize * checksumCyclesPerByte, () => {
      const check = checkHeader(space.read(address, imageHeaderSize), cpu.isa.name, address, memorySize);
      if (!check.ok) return this.#refuse(check.refusal, address);
      cpu.occupy(
        check.header.payloadLength * checksumCyclesPerByte,
        () => this.#verifyPayload(address, check.header),
      );
    });
  }

  #verifyPayload(address: number, header: ImageHeader): void {
    const { cpu, space } = this.#options;
    const { payloadLength, payloadChecksum, loadAddress } = header;
    const size = imageHeaderSize + payloadLength;
    const image = space.read(address, size);
    if (crc32(image.subarray(imageHeaderSize)) !== payloadChecksum) {
      return this.#refuse("badPayloadChecksum", address);
    }
    if (loadAddress === address) return this.#start(address);
    cpu.occupy(size * moveCyclesPerByte, () => {
      space.write(loadAddress, image);
      this.#start(loadAddress);
    });
  }

  #refuse(refusal: Exclude<keyof typeof firmwareAnswer, "started">, address: number): void {
    this.#record(`refuses the image at 0x${address.toString(16)}: ${refusal}`);
    this.#write("messagingUnit", messaging.OMR0.offset, firmwareAnswer[refusal]);
    this.#listen();
  }

  #start(address: number): void {
    const { cpu } = this.#options;
    this.#record(`starts the image at 0x${address.toString(16)}`);
    this.#write("messagingUnit", messaging.IIMR.offset, 0xffffffff);
    this.#write("messagingUnit", messaging.OMR0.offset, firmwareAnswer.started);
    cpu.interruptHandler = undefined;
    cpu.jump(address);
  }

  #occupyFor(duration: Duration, done: () => void): void {
    this.#options.cpu.occupy(duration * this.#options.cpu.frequencyHz / 1e9, done);
  }

  #read(unit: keyof typeof peripherals, offset: number): number {
    const address = this.#address(unit, offset);
    this.#charge(address, "readLatencyNs");
    return this.#options.space.read32(address);
  }

  #write(unit: keyof typeof peripherals, offset: number, value: number, width: 1 | 2 | 4 = 4): void {
    const address = this.#address(unit, offset);
    this.#charge(address, "writeLatencyNs");
    const bytes = Uint8Array.from({ length: width }, (_, index) => value >>> 8 * index);
    this.#options.space.write(address, bytes);
  }

  #address(unit: keyof typeof peripherals, offset: number): number {
    return memoryMap.pmmr + (peripherals[unit] as number) + offset;
  }

  /** A load or store stalls the core for what its mapping says. */
  #charge(address: number, kind: keyof Pick<Mapping, "readLatencyNs" | "writeLatencyNs">): void {
    const { cpu, space } = this.#options;
    cpu.steal((space.lookup(address)?.[kind] ?? 0) * cpu.frequencyHz / 1e9);
  }

  #record(text: string): void {
    this.#options.log.record(this.#options.name, text);
  }
}

const widthOf = (register: RegisterDefinition): 1 | 2 | 4 => register.width ?? 4;

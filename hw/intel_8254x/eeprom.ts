/**
 * The NIC's EEPROM: 64 words that hold its MAC address and identity, read through EERD.
 *
 * - The sum of all words is BABAh; the last word makes it so (hardware-reference.md 3.7).
 * - Reads are done at once; a word beyond the end reads FFFFh. It cannot be written, and the
 *   bit-banged access of EECD is left out.
 */

const wordCount = 0x40;
const checksumWord = 0x3f;
const checksum = 0xbaba;
const doneBit = 1 << 4;

export class Eeprom {
  readonly #words = new Uint16Array(wordCount);
  #register = 0;

  constructor(macAddress: Uint8Array, deviceId: number, vendorId: number) {
    for (let word = 0; word < 3; word++) {
      this.#words[word] = macAddress[2 * word]! | macAddress[2 * word + 1]! << 8;
    }
    this.#words[0x0a] = 0x4408; // init control 1
    this.#words[0x0b] = deviceId; // subsystem
    this.#words[0x0c] = vendorId;
    this.#words[0x0d] = deviceId;
    this.#words[0x0e] = vendorId;
    this.#words[0x0f] = 0x3040; // init control 2
    const sum = this.#words.reduce((total, word) => total + word, 0);
    this.#words[checksumWord] = checksum - sum;
  }

  /** The three words that a reset loads into the first receive address. */
  get macWords(): readonly [number, number, number] {
    return [this.#words[0]!, this.#words[1]!, this.#words[2]!];
  }

  /** EERD: bits 15:8 choose a word, bit 0 starts. */
  write(value: number): void {
    if ((value & 1) === 0) return;
    const address = value >>> 8 & 0xff;
    const word = this.#words[address] ?? 0xffff;
    this.#register = (word << 16 | address << 8 | doneBit) >>> 0;
  }

  read(): number {
    return this.#register;
  }
}

/**
 * Images that a kernel keeps in memory, so that phase two runs once per program and ISA.
 *
 * The key is the hash of the IL's text together with the ISA and whether a cache model is asked.
 * - The cache is bounded: the image that was not used for the longest time goes first.
 * - A program that is refused is not kept; asking again refuses it again.
 */

import { sha256 } from "./checksum.ts";
import { scriptOf } from "./compartment_script.ts";
import type { CompilationTarget } from "./costs.ts";
import type { Image } from "./image.ts";
import { compileIl } from "./phase_two.ts";

export class ImageCache {
  readonly #imagesMax: number;
  /** In the order of use, the least recent first. */
  readonly #images = new Map<string, Image>();
  /** Hashes of texts that were asked for lately: hashing an IL costs more than looking it up. */
  readonly #hashes = new Map<string, string>();

  constructor(imagesMax = 64) {
    this.#imagesMax = imagesMax;
  }

  get size(): number {
    return this.#images.size;
  }

  /** The image of an IL for a target, compiled if it is not there; throws CompileError. */
  image(il: string, target: CompilationTarget): Image {
    const ilHash = this.#hashOf(il);
    const key = `${target.isa} ${target.isSampled ? "sampled" : "plain"} ${ilHash}`;
    let image = this.#images.get(key);
    if (image === undefined) {
      image = compileIl(il, target, ilHash);
      // The host's share of the work is done here, too, so that every start of a kept image is short.
      scriptOf(image);
    }
    keepLatest(this.#images, key, image, this.#imagesMax);
    return image;
  }

  #hashOf(il: string): string {
    const hash = this.#hashes.get(il) ?? sha256(new TextEncoder().encode(il));
    keepLatest(this.#hashes, il, hash, this.#imagesMax);
    return hash;
  }
}

function keepLatest<V>(map: Map<string, V>, key: string, value: V, sizeMax: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= sizeMax) return;
    map.delete(oldest);
  }
}

/**
 * What a satellite is booted from: the payload of its image.
 *
 * The same for every kind of satellite: the system manifest, and manifest and
 * intermediate language of the controller, the first process (paper, section 3.3).
 */

import type { BootArchive } from "./boot_archive.ts";
import { buildSatelliteImage, parseSatelliteImage, type SatelliteIsa } from "./satellite_image.ts";

export interface BootImage {
  readonly system: string;
  readonly controller: { readonly manifest: string; readonly il: string };
}

export function buildBootImage(archive: BootArchive, isa: SatelliteIsa, loadAddress: number): Uint8Array {
  const controller = archive.program("Controller");
  if (controller === undefined) throw new Error("The boot archive has no program Controller");
  const contents: BootImage = {
    system: archive.systemText,
    controller: { manifest: controller.manifestText, il: controller.il },
  };
  return buildSatelliteImage({
    isa,
    loadAddress,
    payload: new TextEncoder().encode(JSON.stringify(contents)),
  });
}

/** Reads an image from memory; throws with the reason when it is no good. */
export function readBootImage(
  read: (address: number, length: number) => Uint8Array,
  address: number,
): BootImage {
  const header = read(address, 64);
  const payloadLength = new DataView(header.buffer, header.byteOffset).getUint32(12, true);
  const result = parseSatelliteImage(read(address, 64 + payloadLength));
  if (!result.ok) throw new Error(`The image at 0x${address.toString(16)} is no good: ${result.reason}`);
  return JSON.parse(new TextDecoder().decode(result.image.payload)) as BootImage;
}

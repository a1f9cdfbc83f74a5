/**
 * What the kernels of a machine are called, by what they run on.
 *
 * The first domain's is the coordinator; a person meets the names in tables and writes them into the
 * system manifest, which is checked against them before anything is booted.
 */

import { ManifestError, type SystemManifest } from "../placement/manifest.ts";

/** Domains are numbered as the SRAT has them; the boot processor's comes first. */
export const hostKernelName = (station: number, domain: number): string =>
  station === 0 ? "coordinator" : `numa${domain}`;

export const cardKernelName = (card: number): string => `card${card}`;

/** What a machine file says about where kernels will run. */
interface Places {
  readonly host: { readonly domains: readonly unknown[] };
  /** Without a SRAT the loader finds one domain. */
  readonly acpi: { readonly srat: boolean };
  readonly devices: readonly { readonly model: string }[];
}

/** Throws ManifestError for an element that names a kernel which the machine cannot have. */
export function refuseUnknownKernels(
  { namedKernels }: SystemManifest,
  { host, acpi, devices }: Places,
): void {
  const domains = acpi.srat ? host.domains : host.domains.slice(0, 1);
  const cards = devices.filter(({ model }) => model === "iop348");
  const names = [
    ...domains.map((_, domain) => hostKernelName(domain, domain)),
    ...cards.map((_, card) => cardKernelName(card)),
  ];
  for (const { name, place } of namedKernels) {
    if (names.includes(name)) continue;
    const last = names.length > 6 ? [...names.slice(0, 5), "...", names.at(-1)] : names;
    throw new ManifestError(`${place}: kernel is "${name}", this machine has ${last.join(", ")}`);
  }
}

/**
 * A program's manifest, generated from what its IL says; what a person edited stays.
 *
 * The program decides about its pipes, contracts, services, devices and privileges; a person about
 * affinities, platform preferences, comments and everything else that a manifest may hold.
 * - A manifest that agrees with the program stays as it is, to the byte.
 * - An endpoint of a contract that the program does not bind to is a wish if it has an affinity, and
 *   stays; without one it says nothing, and goes.
 */

import { parse } from "@std/xml";
import type { IlHeader } from "../compiler/il.ts";
import { parseManifest } from "./manifest.ts";
import { childrenOf, insertChild, removeElement, setAttribute } from "./xml_edit.ts";

export interface ManifestUpdate {
  readonly text: string;
  /** What changed, in words; nothing when the text is as it was. */
  readonly changes: readonly string[];
}

/** An element that a manifest must hold. */
interface Item {
  /** Tells the same item in the old text. */
  readonly key: string;
  readonly group: string;
  readonly element: string;
  /** For messages. */
  readonly words: string;
}

type Attributes = Readonly<Record<string, string>>;

/** The manifest of a program, given the one that is there; throws ManifestError when that cannot be read. */
export function updateManifest(
  header: IlHeader,
  existing: { readonly file: string; readonly text: string } | undefined,
): ManifestUpdate {
  if (existing === undefined) {
    return { text: withItems(header, emptyManifest(header)).text, changes: ["new"] };
  }
  const { name, source } = parseManifest(existing.text, existing.file);
  const changes: string[] = [];
  let { text } = existing;
  for (
    const [attribute, is, expected] of [["name", name, header.name], [
      "source",
      source,
      header.entry,
    ]] as const
  ) {
    if (is === expected) continue;
    text = setAttribute(text, attribute, escape(expected));
    changes.push(`${attribute} is ${expected}, was ${is}`);
  }
  const updated = withItems(header, text);
  return { text: updated.text, changes: [...changes, ...updated.changes] };
}

function emptyManifest({ name, entry }: IlHeader): string {
  return '<?xml version="1.0" encoding="utf-8"?>\n' +
    `<application name="${escape(name)}" source="${escape(entry)}" runtime="Full">\n</application>\n`;
}

/** Takes items out that the program no longer has, and puts those in that it has now. */
function withItems(header: IlHeader, before: string): ManifestUpdate {
  const items = itemsOf(header);
  const missing = new Map(items.map((item) => [`${item.group} ${item.key}`, item]));
  const changes: string[] = [];
  let text = before;
  for (const group of ["endpoints", "services", "devices", "privileges"]) {
    // From the end, so that what is still to be looked at stays where it is.
    for (const element of childrenOf(text, group).reverse()) {
      const { name, attributes } = attributesOf(text.slice(element.start, element.end));
      const key = `${group} ${keyOf(name, attributes)}`;
      if (missing.delete(key) || !isOutdated(name, key, attributes, items)) continue;
      text = removeElement(text, element);
      changes.push(`${describe(name, attributes)} removed`);
    }
  }
  for (const { group, element, words } of missing.values()) {
    const id = group === "endpoints" ? nextId(text) : 0;
    text = insertChild(text, group, element.replace("<ID>", String(id)));
    changes.push(`${words} added`);
  }
  return { text, changes };
}

/** All that the program decides, in the order in which a new manifest has it. */
function itemsOf({ contracts, devices, privileges }: IlHeader): Item[] {
  const item = (group: string, name: string, attributes: Attributes): Item => {
    const written = Object.entries(attributes).map(([key, value]) => `${key}="${escape(value)}"`).join(" ");
    const id = group === "endpoints" ? 'id="<ID>" ' : "";
    return {
      group,
      key: keyOf(name, attributes),
      element: `<${name} ${id}${written} />`,
      words: describe(name, attributes),
    };
  };
  const endpoint = (name: string, contractName: string) =>
    item("endpoints", name, { affinity: "0", contractName });
  const imports = contracts.filter(({ direction }) => direction === "import");
  const exports = contracts.filter(({ direction }) => direction === "export");
  return [
    endpoint("inputPipe", "PipeContract"),
    endpoint("outputPipe", "PipeContract"),
    ...imports.map(({ contractName }) => endpoint("endpoint", contractName)),
    ...exports.flatMap(({ contractName, path }) =>
      path === undefined ? [] : [item("services", "service", { contractName, path })]
    ),
    ...devices.map(({ vendorId, deviceId }) =>
      item("devices", "device", { vendor: hexadecimal(vendorId), device: hexadecimal(deviceId) })
    ),
    ...privileges.map((name) => item("privileges", "privilege", { name })),
  ];
}

/** What tells an item among those of its group. */
function keyOf(
  name: string,
  { contractName, path, platform, vendor, device, name: privilege }: Attributes,
): string {
  switch (name) {
    case "endpoint":
      return platform === undefined ? `endpoint ${contractName}` : `platform ${platform}`;
    case "service":
      return `${contractName} ${path}`;
    case "device":
      return `${Number(vendor)} ${Number(device)}`;
    case "privilege":
      return privilege ?? "";
    default:
      return name;
  }
}

/** Whether an item that is not, or no longer, missing has to go: a second one of its kind may stay. */
function isOutdated(
  name: string,
  key: string,
  { affinity, platform }: Attributes,
  items: readonly Item[],
): boolean {
  if (items.some((item) => `${item.group} ${item.key}` === key)) return false;
  if (name !== "endpoint") return true;
  return platform === undefined && Number(affinity ?? 0) === 0;
}

function describe(name: string, { contractName, path, vendor, device, name: privilege }: Attributes): string {
  switch (name) {
    case "service":
      return `service ${contractName} at ${path}`;
    case "device":
      return `device ${vendor}:${device}`;
    case "privilege":
      return `privilege ${privilege}`;
    default:
      return contractName === "PipeContract" ? name : `${name} of ${contractName}`;
  }
}

/** The number behind the highest that an endpoint has. */
function nextId(text: string): number {
  const ids = childrenOf(text, "endpoints").map(({ start, end }) =>
    Number(attributesOf(text.slice(start, end)).attributes["id"] ?? -1)
  );
  return Math.max(-1, ...ids.filter(Number.isSafeInteger)) + 1;
}

function attributesOf(element: string): { readonly name: string; readonly attributes: Attributes } {
  const { root } = parse(element);
  return { name: root.name.raw, attributes: root.attributes };
}

const hexadecimal = (value: number): string => `0x${value.toString(16).padStart(4, "0")}`;

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

/**
 * Manifests: what a program needs, offers and prefers, as XML that people edit.
 *
 * The paper's format (Figure 2): endpoints with an affinity each. Besides, a manifest
 * names the program's source, the services it registers, the devices it drives and
 * its privileges.
 * - An affinity is a whole number from -1000 to 1000; absent means 0.
 * - A platform preference is an endpoint of the KernelControlContract with the
 *   platform's name: `<endpoint contractName="KernelControlContract" platform="xscale" affinity="5"/>`.
 * - `memoryMiB` is the quota of what the program allocates for itself, and as much again of exchange-heap
 *   blocks: `<application name="Hoarder" source="..." memoryMiB="256">`; absent means 64.
 * - A manifest that is wrong is refused as a whole, with file, line and reason; so is one
 *   with an element, an attribute or a text that no rule below names.
 */

import { type TransferEngineName, transferEngineNames } from "../hal/transfer_engine.ts";
import { type BalancerName, balancerNames } from "../scheduling/balancer.ts";
import { parse, type XmlElement, type XmlNode, XmlSyntaxError } from "@std/xml";

export interface EndpointDeclaration {
  readonly contractName: string;
  readonly affinity: number;
  /** For KernelControlContract: the platform that is preferred. */
  readonly platform: string | undefined;
}

export interface ServiceDeclaration {
  readonly contractName: string;
  readonly path: string;
}

export interface DeviceSignature {
  readonly vendorId: number;
  readonly deviceId: number;
}

export interface Manifest {
  readonly name: string;
  readonly source: string;
  readonly endpoints: readonly EndpointDeclaration[];
  readonly services: readonly ServiceDeclaration[];
  readonly devices: readonly DeviceSignature[];
  readonly privileges: readonly string[];
  /** Bytes that the process may have alive, and own in blocks of the exchange heap. */
  readonly memoryQuota: number;
}

/** The system manifest: which name a contract means, how cards are reached and kernels balance, and what is started at boot. */
export interface SystemManifest {
  /** Namespace path of the first instance, by contract name. */
  readonly paths: ReadonlyMap<string, string>;
  /** What carries messages between the host and its cards. */
  readonly cardTransport: TransferEngineName;
  /** By name of the kernel; "" stands for those that are not named. */
  readonly balancers: ReadonlyMap<string, BalancerName>;
  /** Kernels that an element names, and where it does. */
  readonly namedKernels: readonly { readonly name: string; readonly place: string }[];
  readonly boot: readonly { readonly program: string; readonly arguments: readonly string[] }[];
}

/** A manifest that cannot be used; the message names file, place and reason. */
export class ManifestError extends Error {
  override readonly name = "ManifestError";
}

/** Memory of a process whose manifest says nothing about it. */
export const memoryQuotaDefault = 64 * 2 ** 20;
const memoryMiBMax = 1024;
const affinityMax = 1000;
/** Where each element starts; the parser's tree does not tell. */
const lines = new WeakMap<XmlElement, number>();

/** What may stand in a manifest; everything else is refused, as it is a slip of the pen more often than not. */
interface DocumentRule {
  readonly root: string;
  readonly attributes: readonly string[];
  /** By group, each once at most: the elements in it, any number of times, and the attributes of each. */
  readonly groups: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

const endpointAttributes = ["contractName", "affinity", "platform", "id"];

const applicationRule: DocumentRule = {
  root: "application",
  attributes: ["name", "source", "runtime", "memoryMiB"],
  groups: {
    endpoints: {
      endpoint: endpointAttributes,
      inputPipe: endpointAttributes,
      outputPipe: endpointAttributes,
    },
    services: { service: ["contractName", "path"] },
    devices: { device: ["vendor", "device"] },
    privileges: { privilege: ["name"] },
  },
};

const systemRule: DocumentRule = {
  root: "system",
  attributes: ["name"],
  groups: {
    contracts: { contract: ["contractName", "path"] },
    cards: { transport: ["name"] },
    balancers: { balancer: ["name", "kernel"] },
    boot: { program: ["name", "arguments"] },
  },
};

export function parseManifest(text: string, file: string): Manifest {
  const root = parseRoot(text, file, applicationRule);
  const name = requiredAttribute(root, "name", file);
  const endpoints = itemsOf(root, "endpoints").map((element) => parseEndpoint(element, file));
  const services = itemsOf(root, "services").map((element) => ({
    contractName: requiredAttribute(element, "contractName", file),
    path: requiredAttribute(element, "path", file),
  }));
  const devices = itemsOf(root, "devices").map((element) => ({
    vendorId: parseNumber(element, "vendor", file),
    deviceId: parseNumber(element, "device", file),
  }));
  const privileges = itemsOf(root, "privileges").map((element) => requiredAttribute(element, "name", file));
  const source = requiredAttribute(root, "source", file);
  return { name, source, endpoints, services, devices, privileges, memoryQuota: parseMemory(root, file) };
}

function parseMemory(root: XmlElement, file: string): number {
  const written = root.attributes["memoryMiB"];
  if (written === undefined) return memoryQuotaDefault;
  const mebibytes = Number(written);
  if (/^\d+$/.test(written) && mebibytes >= 1 && mebibytes <= memoryMiBMax) return mebibytes * 2 ** 20;
  throw new ManifestError(
    `${placeOf(root, file)}: memoryMiB is "${written}", expected a whole number from 1 to ${memoryMiBMax}`,
  );
}

export function parseSystemManifest(text: string, file: string): SystemManifest {
  const root = parseRoot(text, file, systemRule);
  const paths = new Map<string, string>();
  for (const element of itemsOf(root, "contracts")) {
    const contractName = requiredAttribute(element, "contractName", file);
    if (paths.has(contractName)) {
      throw new ManifestError(
        `${placeOf(element, file)}: ${contractName} has a path for the second time, expected one`,
      );
    }
    paths.set(contractName, requiredAttribute(element, "path", file));
  }
  const balancers = new Map<string, BalancerName>();
  const namedKernels: { name: string; place: string }[] = [];
  for (const element of itemsOf(root, "balancers")) {
    const kernel = element.attributes["kernel"] ?? "";
    if (balancers.has(kernel)) {
      const whose = kernel === "" ? "the kernels that are not named" : `kernel ${kernel}`;
      throw new ManifestError(
        `${placeOf(element, file)}: a balancer of ${whose} for the second time, expected one`,
      );
    }
    balancers.set(kernel, parseBalancer(element, file));
    if (kernel !== "") namedKernels.push({ name: kernel, place: placeOf(element, file) });
  }
  const boot = itemsOf(root, "boot").map((element) => ({
    program: requiredAttribute(element, "name", file),
    arguments: (element.attributes["arguments"] ?? "").split(" ").filter((word) => word !== ""),
  }));
  const cardTransport = parseTransport(itemsOf(root, "cards"), file);
  return { paths, cardTransport, balancers, namedKernels, boot };
}

function parseTransport([element, second]: readonly XmlElement[], file: string): TransferEngineName {
  if (element === undefined) return "adma";
  if (second !== undefined) {
    throw new ManifestError(`${placeOf(second, file)}: a transport for the second time, expected one`);
  }
  const text = requiredAttribute(element, "name", file);
  const name = transferEngineNames.find((known) => known === text);
  if (name !== undefined) return name;
  throw new ManifestError(
    `${placeOf(element, file)}: transport is "${text}", expected ${transferEngineNames.join(" or ")}`,
  );
}

function parseBalancer(element: XmlElement, file: string): BalancerName {
  const text = requiredAttribute(element, "name", file);
  const name = balancerNames.find((known) => known === text);
  if (name !== undefined) return name;
  throw new ManifestError(
    `${placeOf(element, file)}: balancer is "${text}", expected ${alternatives(balancerNames)}`,
  );
}

function parseRoot(text: string, file: string, rule: DocumentRule): XmlElement {
  let root: XmlElement;
  try {
    root = parse(text).root;
  } catch (error) {
    if (!(error instanceof XmlSyntaxError)) throw error;
    // The parser's message ends with the place, which stands in front here.
    const reason = error.message.replace(/ at line \d+, column \d+$/, "");
    throw new ManifestError(`${file}:${error.line}:${error.column}: ${reason}`);
  }
  noteLines(root, text);
  if (root.name.raw !== rule.root) {
    throw new ManifestError(
      `${placeOf(root, file)}: the root element is <${root.name.raw}>, expected <${rule.root}>`,
    );
  }
  checkDocument(root, rule, file);
  return root;
}

function parseEndpoint(element: XmlElement, file: string): EndpointDeclaration {
  const contractName = requiredAttribute(element, "contractName", file);
  const written = element.attributes["affinity"] ?? "0";
  const affinity = Number(written);
  if (!/^-?\d+$/.test(written) || Math.abs(affinity) > affinityMax) {
    throw new ManifestError(
      `${
        placeOf(element, file)
      }: affinity of ${contractName} is "${written}", expected a whole number from -${affinityMax} to ${affinityMax}`,
    );
  }
  const platform = element.attributes["platform"];
  if (platform !== undefined && contractName !== "KernelControlContract") {
    throw new ManifestError(
      `${
        placeOf(element, file)
      }: <${element.name.raw}> of ${contractName} has a platform; only KernelControlContract may`,
    );
  }
  return { contractName, affinity, platform };
}

function checkDocument(root: XmlElement, { attributes, groups }: DocumentRule, file: string): void {
  checkAttributes(root, attributes, file);
  checkChildren(root, Object.keys(groups), file);
  elementsOf(root.children).forEach((group, index, all) => {
    const { raw } = group.name;
    if (all.findIndex(({ name }) => name.raw === raw) !== index) {
      throw new ManifestError(
        `${placeOf(group, file)}: <${raw}> inside <${root.name.raw}> for the second time, expected one`,
      );
    }
    const items = groups[raw]!;
    checkAttributes(group, [], file);
    checkChildren(group, Object.keys(items), file);
    for (const item of elementsOf(group.children)) {
      checkAttributes(item, items[item.name.raw]!, file);
      checkChildren(item, [], file);
    }
  });
}

function checkAttributes(element: XmlElement, allowed: readonly string[], file: string): void {
  for (const [name, value] of Object.entries(element.attributes)) {
    if (allowed.includes(name)) continue;
    const found = `<${element.name.raw}> has the attribute ${name}=${excerpt(value)}`;
    throw new ManifestError(`${placeOf(element, file)}: ${found}, expected ${alternatives(allowed)}`);
  }
}

/** Elements of these names, comments and white space are all that an element may hold. */
function checkChildren(parent: XmlElement, allowed: readonly string[], file: string): void {
  const refuse = (place: XmlElement, found: string) => {
    const expected = alternatives(allowed.map((name) => `<${name}>`));
    throw new ManifestError(
      `${placeOf(place, file)}: ${found} inside <${parent.name.raw}>, expected ${expected}`,
    );
  };
  for (const child of parent.children) {
    if (child.type === "comment") continue;
    if (child.type !== "element") {
      if (child.text.trim() !== "") refuse(parent, `the text ${excerpt(child.text.trim())}`);
    } else if (!allowed.includes(child.name.raw)) refuse(child, `<${child.name.raw}>`);
  }
}

const alternatives = (words: readonly string[]): string => words.length === 0 ? "none" : words.join(" or ");

/** In quotes, on one line, and not too long for it. */
function excerpt(text: string): string {
  return JSON.stringify(text.length <= 40 ? text : `${text.slice(0, 40)}...`);
}

/** The elements in the group of that name; none when it is absent. */
function itemsOf(root: XmlElement, group: string): XmlElement[] {
  const holder = elementsOf(root.children).find(({ name }) => name.raw === group);
  return holder === undefined ? [] : elementsOf(holder.children);
}

function elementsOf(nodes: readonly XmlNode[]): XmlElement[] {
  return nodes.filter((node): node is XmlElement => node.type === "element");
}

function requiredAttribute(element: XmlElement, name: string, file: string): string {
  const value = element.attributes[name];
  if (value === undefined || value === "") {
    throw new ManifestError(`${placeOf(element, file)}: <${element.name.raw}> has no attribute ${name}`);
  }
  return value;
}

function parseNumber(element: XmlElement, name: string, file: string): number {
  const text = requiredAttribute(element, name, file);
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new ManifestError(`${placeOf(element, file)}: ${name} is "${text}", expected a whole number`);
}

const placeOf = (element: XmlElement, file: string): string => `${file}:${lines.get(element)}`;

/** In a well-formed text, start tags outside comments and the like come in the order of the tree's elements. */
function noteLines(root: XmlElement, text: string): void {
  const markup = /<!--[^]*?-->|<!\[CDATA\[[^]*?\]\]>|<\?[^]*?\?>|<(?=[^/!?])/g;
  const tags = text.matchAll(markup).filter(([found]) => found === "<");
  let line = 1;
  let counted = 0;
  const visit = (element: XmlElement): void => {
    const { index } = tags.next().value!;
    line += text.slice(counted, index).split("\n").length - 1;
    counted = index;
    lines.set(element, line);
    elementsOf(element.children).forEach(visit);
  };
  visit(root);
}

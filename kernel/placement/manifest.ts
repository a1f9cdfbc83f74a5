/**
 * Manifests: what a program needs, offers and prefers, as XML that people edit.
 *
 * The paper's format (Figure 2): endpoints with an affinity each. Besides, a manifest
 * names the program's source, the services it registers, the devices it drives and
 * its privileges.
 * - An affinity is a whole number from -1000 to 1000; absent means 0.
 * - A platform preference is an endpoint of the KernelControlContract with the
 *   platform's name: `<endpoint contractName="KernelControlContract" platform="xscale" affinity="5"/>`.
 * - A manifest that is wrong is refused as a whole, with file, line and reason.
 */

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
}

/** The system manifest: which name a contract means, and what is started at boot. */
export interface SystemManifest {
  /** Namespace path of the first instance, by contract name. */
  readonly paths: ReadonlyMap<string, string>;
  readonly boot: readonly { readonly program: string; readonly arguments: readonly string[] }[];
}

/** A manifest that cannot be used; the message names file, place and reason. */
export class ManifestError extends Error {
  override readonly name = "ManifestError";
}

const affinityMax = 1000;
/** Where each element starts; the parser's tree does not tell. */
const lines = new WeakMap<XmlElement, number>();
const endpointElements = ["endpoint", "inputPipe", "outputPipe"];

export function parseManifest(text: string, file: string): Manifest {
  const root = parseRoot(text, file, "application");
  const name = requiredAttribute(root, "name", file);
  const endpoints = childrenOf(root, "endpoints", file, endpointElements).map((element) =>
    parseEndpoint(element, file)
  );
  const services = childrenOf(root, "services", file, ["service"]).map((element) => ({
    contractName: requiredAttribute(element, "contractName", file),
    path: requiredAttribute(element, "path", file),
  }));
  const devices = childrenOf(root, "devices", file, ["device"]).map((element) => ({
    vendorId: parseNumber(element, "vendor", file),
    deviceId: parseNumber(element, "device", file),
  }));
  const privileges = childrenOf(root, "privileges", file, ["privilege"]).map((element) =>
    requiredAttribute(element, "name", file)
  );
  return { name, source: requiredAttribute(root, "source", file), endpoints, services, devices, privileges };
}

export function parseSystemManifest(text: string, file: string): SystemManifest {
  const root = parseRoot(text, file, "system");
  const paths = new Map(
    childrenOf(root, "contracts", file, ["contract"]).map((element) => [
      requiredAttribute(element, "contractName", file),
      requiredAttribute(element, "path", file),
    ]),
  );
  const boot = childrenOf(root, "boot", file, ["program"]).map((element) => ({
    program: requiredAttribute(element, "name", file),
    arguments: (element.attributes["arguments"] ?? "").split(" ").filter((word) => word !== ""),
  }));
  return { paths, boot };
}

function parseRoot(text: string, file: string, expected: string): XmlElement {
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
  if (root.name.local !== expected) {
    throw new ManifestError(
      `${placeOf(root, file)}: the root element is <${root.name.raw}>, expected <${expected}>`,
    );
  }
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

/** The element children of the one child called `group`; none when it is absent. */
function childrenOf(root: XmlElement, group: string, file: string, allowed: readonly string[]): XmlElement[] {
  const holders = elementsOf(root.children).filter((child) => child.name.local === group);
  return holders.flatMap((holder) => elementsOf(holder.children)).map((element) => {
    if (allowed.includes(element.name.local)) return element;
    const expected = allowed.join("> or <");
    throw new ManifestError(
      `${placeOf(element, file)}: <${element.name.raw}> inside <${group}>, expected <${expected}>`,
    );
  });
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

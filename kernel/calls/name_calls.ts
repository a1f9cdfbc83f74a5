/**
 * The calls about names: bind, register, enumerate, watch, and changes of the tree.
 *
 * They check what the program gave and hand it to the kernel's way to the namespace,
 * which blocks the thread until the answer is there.
 * - What no path and no attribute can be must not travel to the coordinator: the bounds
 *   here are those of kernel/namespace/name_tree.ts.
 */

import type { Contract } from "../contracts/contract.ts";
import { nameWatchContract } from "../contracts/name_watch.ts";
import { serviceProviderContract } from "../contracts/namespace.ts";
import type { Kernel } from "../kernel.ts";
import { attributesMax, attributeValueMax, partSizeMax, partsMax } from "../namespace/name_tree.ts";
import type { NamespaceClient } from "../namespace/namespace_client.ts";
import type { Thread } from "../scheduling/thread.ts";
import { admit, checkRoomForEnds } from "./admission.ts";
import { EndpointHandle } from "./endpoint_handle.ts";
import { CallError } from "./errors.ts";
import { blocked, type KernelCall, submit } from "./kernel_call.ts";
import { ServiceHandle } from "./service_handle.ts";

const defaultBindTimeoutNs = 10e9;
/** Each part stands behind its stroke. */
const pathSizeMax = partsMax * (partSizeMax + 1);

/** The ABI's methods that are about names. */
export const createNameCalls = () => ({
  bind: (contract: Contract, path?: string, timeoutNs?: number) =>
    submit(new Bind(contract, path, timeoutNs)),
  register: (contract: Contract, path: string, attributes?: unknown) =>
    submit(new Register(contract, path, attributes)),
  enumerate: (path: string, depth?: unknown) => submit(enumerateCall(path, depth)),
  watch: (path: string) => submit(watchCall(path)),
  makeDirectory: (path: string) =>
    change((names, thread) => names.change(thread, "makeDirectory", [checkPath(path), thread.process.label])),
  link: (path: string, target: string) =>
    change((names, thread) =>
      names.change(thread, "link", [checkPath(path), checkPath(target), thread.process.label])
    ),
  removeName: (path: string) => change((names, thread) => names.change(thread, "remove", [checkPath(path)])),
  setAttribute: (path: string, name: string, value: string) =>
    change((names, thread) => {
      const attribute = [checkAttributeText(name), checkAttributeText(value)];
      names.change(thread, "setAttribute", [checkPath(path), ...attribute, thread.process.label]);
    }),
});

function checkPath(path: unknown): string {
  if (typeof path !== "string" || path.length > pathSizeMax) {
    throw new CallError("BadArgument", `A path is a text of at most ${pathSizeMax} characters`);
  }
  return path;
}

function checkAttributeText(text: unknown): string {
  if (typeof text === "string" && text.length <= attributeValueMax) return text.toWellFormed();
  throw new CallError(
    "BadArgument",
    `An attribute's name and value are texts of at most ${attributeValueMax} characters`,
  );
}

/** Attributes as they travel. */
function encodeAttributes(attributes: unknown): string {
  if (typeof attributes !== "object" || attributes === null) {
    throw new CallError("BadArgument", "Attributes are a record of texts");
  }
  const entries = Object.entries(attributes);
  if (entries.length > attributesMax) {
    throw new CallError("BadArgument", `A service has at most ${attributesMax} attributes`);
  }
  return JSON.stringify(
    Object.fromEntries(entries.map(([name, value]) => [checkAttributeText(name), checkAttributeText(value)])),
  );
}

class Bind implements KernelCall<EndpointHandle> {
  readonly primitive = "channelCreate";

  constructor(
    readonly contract: Contract,
    readonly path: string | undefined,
    readonly timeoutNs: number | undefined,
  ) {}

  perform(kernel: Kernel, thread: Thread): typeof blocked {
    const { process } = thread;
    const contract = admit(kernel, this.contract, process);
    const path = this.path ?? kernel.pathOf(contract.contractName);
    if (path === undefined) {
      throw new CallError("NotFound", `The system manifest names no service for ${contract.contractName}`);
    }
    const timeoutNs = Number(this.timeoutNs ?? defaultBindTimeoutNs);
    checkPath(path);
    checkRoomForEnds(process);
    const { client, server } = kernel.channels.create(contract);
    kernel.own(client, process);
    const handle = new EndpointHandle(client, this.contract);
    kernel.names.bind(thread, { path, contract, timeoutNs, server, client }, handle);
    return blocked;
  }
}

class Register implements KernelCall<ServiceHandle> {
  readonly primitive = "channelCreate";

  constructor(readonly contract: Contract, readonly path: string, readonly attributes: unknown) {}

  perform(kernel: Kernel, thread: Thread): typeof blocked {
    const { process } = thread;
    const contract = admit(kernel, this.contract, process);
    const path = checkPath(this.path);
    const attributes = encodeAttributes(this.attributes ?? {});
    checkRoomForEnds(process);
    const provider = kernel.channels.create(kernel.contracts.admit(serviceProviderContract, kernel.self));
    kernel.own(provider.server, process);
    const service = new ServiceHandle(provider.server, this.contract, path);
    kernel.names.register(thread, { path, contract, ...provider }, attributes, service);
    return blocked;
  }
}

const watchCall = (path: string): KernelCall<EndpointHandle> => ({
  primitive: "channelCreate",
  perform(kernel, thread) {
    const { process } = thread;
    checkPath(path);
    checkRoomForEnds(process);
    const ends = kernel.channels.create(kernel.contracts.admit(nameWatchContract, kernel.self));
    kernel.own(ends.client, process);
    kernel.names.watch(thread, path, ends, new EndpointHandle(ends.client, nameWatchContract));
    return blocked;
  },
});

const enumerateCall = (path: string, depth: unknown = "all"): KernelCall<unknown> => ({
  perform(kernel, thread) {
    if (depth !== "all" && depth !== "children") {
      throw new CallError("BadArgument", `Names are listed to the depth "children" or "all"`);
    }
    kernel.names.enumerate(thread, checkPath(path), depth);
    return blocked;
  },
});

const change = (ask: (names: NamespaceClient, thread: Thread) => void) =>
  submit<void>({
    perform(kernel, thread) {
      ask(kernel.names, thread);
      return blocked;
    },
  });

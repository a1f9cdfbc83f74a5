/**
 * How kernels speak to the namespace, and how the namespace speaks to kernels and services.
 *
 * Each kernel has one channel to the coordinator's namespace, over which it asks on
 * behalf of its processes: one request, one answer. A bind that has to wait is answered
 * at once with `waiting`; how it ends comes over a second channel, the kernel's news.
 * - For each name the namespace has a channel to the serving process, on which new
 *   clients' endpoints arrive one by one (Singularity's ServiceProvider contract).
 * - On each of the three, whoever has spoken waits for the other: no queue grows.
 * - Lists and attributes are JSON; the shapes are those of kernel/namespace/name_tree.ts.
 */

import type { Contract } from "./contract.ts";
import { nameWatchContract } from "./name_watch.ts";

export const serviceProviderContract = {
  name: "service-provider/1",
  contractName: "ServiceProviderContract",
  messages: {
    connect: { from: "client", doc: "A client's channel: serve this end", body: { endpoint: "endpoint" } },
    taken: { from: "server", doc: "The process has taken it: the next may come" },
  },
  start: "ready",
  states: { ready: { connect: "offered" }, offered: { taken: "ready" } },
} as const satisfies Contract;

/** Why the namespace refuses. */
export const namespaceErrors = [
  "NotFound",
  "AlreadyRegistered",
  "TimedOut",
  "NotPermitted",
  "OutOfMemory",
  "BadArgument",
] as const;

export const namespaceNewsContract = {
  name: "namespace-news/1",
  contractName: "NamespaceNewsContract",
  messages: {
    bound: { from: "server", doc: "A bind that waited has reached its service", body: { id: "u32" } },
    refused: {
      from: "server",
      doc: "A bind that waited cannot be done",
      body: { id: "u32", code: namespaceErrors, reason: "string" },
    },
    seen: { from: "client", doc: "The next may come" },
  },
  start: "quiet",
  states: { quiet: { bound: "told", refused: "told" }, told: { seen: "quiet" } },
} as const satisfies Contract;

export const namespaceContract = {
  name: "namespace/2",
  contractName: "NamespaceContract",
  messages: {
    attach: {
      from: "client",
      doc: "The first message: where the kernel wants its news",
      body: { news: { endpoint: namespaceNewsContract, end: "server" } },
    },
    register: {
      from: "client",
      doc: "Enters a service; its clients are sent over `provider`. They may speak the contracts of these " +
        "digests: the service's own, then bases, separated by spaces",
      body: {
        path: "string",
        contract: "string",
        digests: "string",
        contractName: "string",
        process: "string",
        platform: "string",
        attributes: "string",
        provider: { endpoint: serviceProviderContract, end: "client" },
      },
    },
    deregister: {
      from: "client",
      doc: "Takes a service of this process out",
      body: { path: "string", process: "string" },
    },
    bind: {
      from: "client",
      doc: "Hands `endpoint` to the service at a path; waits for the name, but not for ever",
      body: {
        id: "u32",
        path: "string",
        contract: "string",
        digest: "string",
        timeoutNs: "f64",
        endpoint: "endpoint",
      },
    },
    enumerate: {
      from: "client",
      doc: "Wants what is at or below a path, from behind the path `after` on",
      body: { path: "string", depth: ["children", "all"], after: "string" },
    },
    makeDirectory: {
      from: "client",
      doc: "Makes a directory that stays when it is empty",
      body: { path: "string", process: "string" },
    },
    link: {
      from: "client",
      doc: "Makes a name that stands for another path",
      body: { path: "string", target: "string", process: "string" },
    },
    remove: {
      from: "client",
      doc: "Takes out a link or an empty directory",
      body: { path: "string" },
    },
    setAttribute: {
      from: "client",
      doc: "Gives an entry an attribute, or takes it away when `value` is empty",
      body: { path: "string", name: "string", value: "string", process: "string" },
    },
    watch: {
      from: "client",
      doc: "Wants to be told over `watcher` what comes and goes at or below a path",
      body: {
        path: "string",
        process: "string",
        watcher: { endpoint: nameWatchContract, end: "server" },
      },
    },
    done: { from: "server", doc: "It is done" },
    waiting: { from: "server", doc: "The name is not there yet; the news will tell" },
    entries: {
      from: "server",
      doc: "A list of entries as JSON, and whether there are more behind its last",
      body: { entries: "string", more: "bool" },
    },
    refused: {
      from: "server",
      doc: "It cannot be done",
      body: { code: namespaceErrors, reason: "string" },
    },
  },
  start: "new",
  states: {
    new: { attach: "ready" },
    ready: {
      register: "asked",
      deregister: "asked",
      bind: "asked",
      enumerate: "asked",
      makeDirectory: "asked",
      link: "asked",
      remove: "asked",
      setAttribute: "asked",
      watch: "asked",
    },
    asked: { done: "ready", waiting: "ready", entries: "ready", refused: "ready" },
  },
} as const satisfies Contract;

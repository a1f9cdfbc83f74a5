/**
 * How kernels speak to the namespace, and how the namespace speaks to services.
 *
 * Each kernel has one channel to the coordinator's namespace, over which it asks on
 * behalf of its processes; requests are told apart by a number that the kernel chose.
 * For each name, the namespace has a channel to the serving process, on which new
 * clients' endpoints arrive (Singularity's ServiceProvider contract).
 */

import type { Contract } from "./contract.ts";

export const serviceProviderContract = {
  name: "service-provider/1",
  contractName: "ServiceProviderContract",
  messages: {
    connect: { from: "client", doc: "A client's channel: serve this end", body: { endpoint: "endpoint" } },
  },
  start: "ready",
  states: { ready: { connect: "ready" } },
} as const satisfies Contract;

/** Why the namespace refuses. */
export const namespaceErrors = ["NotFound", "AlreadyRegistered", "TimedOut", "BadArgument"] as const;

export const namespaceContract = {
  name: "namespace/1",
  contractName: "NamespaceContract",
  messages: {
    register: {
      from: "client",
      doc: "Enters a name; clients are sent over `provider`",
      body: {
        id: "u32",
        path: "string",
        contract: "string",
        digest: "u32",
        contractName: "string",
        provider: { endpoint: serviceProviderContract, end: "client" },
      },
    },
    deregister: { from: "client", doc: "Takes a name out", body: { id: "u32", path: "string" } },
    bind: {
      from: "client",
      doc: "Hands `endpoint` to the service at a path; waits for the name, but not for ever",
      body: {
        id: "u32",
        path: "string",
        contract: "string",
        digest: "u32",
        timeoutNs: "f64",
        endpoint: "endpoint",
      },
    },
    enumerate: { from: "client", doc: "Wants all names below a path", body: { id: "u32", path: "string" } },
    done: { from: "server", doc: "It is done", body: { id: "u32" } },
    entries: {
      from: "server",
      doc: "The names: lines of path, contract and kernel, separated by tabs",
      body: { id: "u32", names: "string" },
    },
    refused: {
      from: "server",
      doc: "It cannot be done",
      body: { id: "u32", code: namespaceErrors, reason: "string" },
    },
  },
  start: "ready",
  states: {
    ready: {
      register: "ready",
      deregister: "ready",
      bind: "ready",
      enumerate: "ready",
      done: "ready",
      entries: "ready",
      refused: "ready",
    },
  },
} as const satisfies Contract;

/**
 * Net stack: Ethernet, ARP, IPv4, ICMP, UDP, DHCP and TCP on `/dev/nic0`, as services for programs.
 *
 * One process, one thread: it waits for the next message or timer, does what follows, and waits again.
 * - `/service/ip` is there from the start; `/service/tcp`, `/service/udp` and `/service/icmp`
 *   appear with the first address, so that who binds to them can use them at once.
 * - Requests come before frames in each wait: a program has one request outstanding, so
 *   programs cannot hold up the network, while a flood of frames could hold up programs.
 * - When the driver is gone the process ends, and every channel with it.
 */

import type { Call, Endpoint, EndpointSet, Kernel, Program } from "../../kernel/abi/kernel.ts";
import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
import { isKernelError } from "../../kernel/abi/errors.ts";
import type { Contract } from "../../kernel/contracts/contract.ts";
import { icmpContract } from "../contracts/icmp.ts";
import { ipConfigContract } from "../contracts/ip_config.ts";
import { nicDeviceContract } from "../contracts/nic_device.ts";
import { tcpContract } from "../contracts/tcp.ts";
import { udpContract } from "../contracts/udp.ts";
import { NetStack, type NicProperties } from "./net_stack.ts";

export const program = {
  name: "NetStack",
  doc: "Ethernet, ARP, IPv4, ICMP, UDP, DHCP and TCP as services for programs",
  endpoints: [nicDeviceContract],
  services: [
    { contract: tcpContract, path: "/service/tcp" },
    { contract: udpContract, path: "/service/udp" },
    { contract: icmpContract, path: "/service/icmp" },
    { contract: ipConfigContract, path: "/service/ip" },
  ],
} as const satisfies ProgramDeclaration;

type NicEndpoint = Endpoint<typeof nicDeviceContract, "client">;

/** How long one wait for the driver lasts; a machine without a cable waits again and again. */
const bindTimeoutNs = 3600e9;
/** Clients of each service; more are turned away. */
const clientsMax = 256;

/** Waits until a NIC with a link is there. */
function* bindNic(kernel: Kernel): Call<NicEndpoint> {
  for (;;) {
    try {
      return yield* kernel.bind(nicDeviceContract, "/dev/nic0", bindTimeoutNs);
    } catch (error) {
      if (!isKernelError(error) || error.code !== "TimedOut") throw error;
    }
  }
}

/** Asks what the NIC is and starts it; undefined when the driver turned us away. */
function* startNic(nic: NicEndpoint): Call<NicProperties | undefined> {
  yield* nic.send("describe");
  const description = yield* nic.receiveOrClosed();
  if (description?.tag !== "described") return undefined;
  yield* nic.send("start");
  const answer = yield* nic.receiveOrClosed();
  if (answer?.tag !== "started") return undefined;
  const { mac, mtu, linkUp } = description;
  return { mac, mtu, linkUp, transmitCredit: answer.transmitCredit };
}

/** Takes a new client into a service's set, or turns it away. */
function* admit<C extends Contract>(
  clients: EndpointSet<C, "server", undefined>,
  endpoint: Endpoint<C, "server">,
): Call<void> {
  if (clients.size >= clientsMax) yield* endpoint.close();
  else clients.add(endpoint, undefined);
}

/** Runs until there is an address; false when the driver is gone. */
function* configure(
  kernel: Kernel,
  stack: NetStack,
  nic: NicEndpoint,
  ip: IpConfigSources,
): Call<boolean> {
  const sources = { ...ip, nic };
  for (let now = yield* kernel.now(); !stack.hasAddress;) {
    const input = yield* kernel.select(sources, stack.patience(now));
    now = yield* kernel.now();
    switch (input.on) {
      case "ipService":
        yield* admit(ip.ipClients, input.endpoint);
        break;
      case "ipClients":
        if (input.kind === "closed") stack.ipConfig.forget(input.endpoint);
        else yield* stack.ipConfig.serve(input.endpoint);
        break;
      case "nic":
        if (input.kind === "closed") return false;
        yield* stack.inputFromNic(now, input.message);
    }
    yield* stack.settle(now);
  }
  return true;
}

function* ipConfigSources(kernel: Kernel) {
  return {
    ipClients: kernel.endpointSet<typeof ipConfigContract, "server", undefined>(ipConfigContract, "server"),
    ipService: yield* kernel.register(ipConfigContract, "/service/ip"),
  };
}
type IpConfigSources = ReturnType<typeof ipConfigSources> extends Call<infer T> ? T : never;

/** Everything that a configured stack waits for, in order of precedence. */
function* allSources(kernel: Kernel, stack: NetStack, nic: NicEndpoint, ip: IpConfigSources) {
  return {
    tcpConnections: stack.tcp.connections.endpoints,
    udpSockets: stack.udp.sockets,
    tcpClients: stack.tcp.clients,
    udpClients: kernel.endpointSet<typeof udpContract, "server", undefined>(udpContract, "server"),
    icmpClients: kernel.endpointSet<typeof icmpContract, "server", undefined>(icmpContract, "server"),
    ...ip,
    nic,
    tcpService: yield* kernel.register(tcpContract, "/service/tcp"),
    udpService: yield* kernel.register(udpContract, "/service/udp"),
    icmpService: yield* kernel.register(icmpContract, "/service/icmp"),
  };
}

/** Serves until the driver is gone. */
function* serve(kernel: Kernel, stack: NetStack, nic: NicEndpoint, ip: IpConfigSources): Call<void> {
  const sources = yield* allSources(kernel, stack, nic, ip);
  for (let now = yield* kernel.now();;) {
    const input = yield* kernel.select(sources, stack.patience(now));
    now = yield* kernel.now();
    switch (input.on) {
      case "nic":
        if (input.kind === "closed") return;
        yield* stack.inputFromNic(now, input.message);
        break;
      case "tcpConnections":
        if (input.kind === "closed") yield* stack.tcp.connections.close(now, input.data);
        else yield* stack.tcp.connections.serve(now, input.data, input.message);
        break;
      case "tcpClients":
        if (input.kind === "closed") stack.tcp.closeClient(input.data);
        else yield* stack.tcp.serve(now, input.data, input.message);
        break;
      case "udpSockets":
        if (input.kind === "closed") yield* stack.udp.close(input.data);
        else yield* stack.udp.serveSocket(now, input.data, input.message);
        break;
      case "udpClients":
        if (input.kind === "message") yield* stack.udp.serve(input.endpoint, input.message);
        break;
      case "icmpClients":
        if (input.kind === "closed") stack.icmp.forget(input.endpoint);
        else yield* stack.icmp.serve(now, input.endpoint, input.message);
        break;
      case "ipClients":
        if (input.kind === "closed") stack.ipConfig.forget(input.endpoint);
        else yield* stack.ipConfig.serve(input.endpoint);
        break;
      case "tcpService":
        yield* stack.tcp.admit(input.endpoint);
        break;
      case "udpService":
        yield* admit(sources.udpClients, input.endpoint);
        break;
      case "icmpService":
        yield* admit(sources.icmpClients, input.endpoint);
        break;
      case "ipService":
        yield* admit(sources.ipClients, input.endpoint);
    }
    yield* stack.settle(now);
  }
}

export default function* main(kernel: Kernel): Program {
  const nic = yield* bindNic(kernel);
  const properties = yield* startNic(nic);
  if (properties === undefined) return 1;
  const stack = new NetStack(kernel, nic, properties, yield* kernel.random());
  const ip = yield* ipConfigSources(kernel);
  yield* stack.open(yield* kernel.now());
  if (yield* configure(kernel, stack, nic, ip)) yield* serve(kernel, stack, nic, ip);
  return 1;
}

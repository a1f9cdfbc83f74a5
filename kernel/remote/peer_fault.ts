/**
 * What another kernel must not do: a record that does not parse, a release of what it was not lent.
 *
 * Kernels share rings, not trust: who reads something that no kernel would write throws this, and
 * the service thread cuts the peer off (`RemotePeer.cutOff`). Nothing else stops.
 */

export class PeerFault extends Error {
  override readonly name = "PeerFault";
}

/**
 * Addresses in SMTP commands: `<user@domain>` as RFC 5321, section 4.1.2, writes it.
 *
 * - A source route in front (`<@relay:user@domain>`) is read and dropped (appendix C).
 * - The empty path `<>` and a path without a domain (`<Postmaster>`) are told apart by their parts.
 * - Lengths are bounded as section 4.5.3.1 asks: 64 for the user, 255 for the domain, 256 for the path.
 */

export interface MailPath {
  /** Without its quotes; "" in the empty path. */
  readonly localPart: string;
  /** As written; "" when there is none. */
  readonly domain: string;
  /** What stood between the angle brackets, without the source route. */
  readonly mailbox: string;
}

const localPartMax = 64;
const domainMax = 255;
const pathMax = 256;

/**
 * The path that `text` starts with and the text behind it; "malformed" when the address
 * is, undefined when there are no angle brackets at all.
 */
export function parsePath(
  text: string,
): { readonly path: MailPath; readonly rest: string } | "malformed" | undefined {
  if (text[0] !== "<") return undefined;
  const end = closingBracket(text);
  if (end < 0) return undefined;
  if (end + 1 > pathMax) return "malformed";
  const rest = text.slice(end + 1);
  const mailbox = withoutSourceRoute(text.slice(1, end));
  if (mailbox === undefined) return "malformed";
  if (mailbox === "") return { path: { localPart: "", domain: "", mailbox }, rest };
  const path = parseMailbox(mailbox);
  return path === undefined ? "malformed" : { path, rest };
}

/** `user@domain`, or a user alone; undefined when it is malformed. */
export function parseMailbox(mailbox: string): MailPath | undefined {
  const local = parseLocalPart(mailbox);
  if (local === undefined || local.localPart.length > localPartMax) return undefined;
  const { localPart, end } = local;
  if (end === mailbox.length) return { localPart, domain: "", mailbox };
  const domain = mailbox.slice(end + 1);
  return mailbox[end] === "@" && isDomain(domain) ? { localPart, domain, mailbox } : undefined;
}

/** A domain name or an address literal. */
export function isDomain(text: string): boolean {
  if (text.length === 0 || text.length > domainMax) return false;
  if (text[0] === "[") return isAddressLiteral(text);
  for (const label of text.split(".")) {
    if (label.length === 0 || label.length > 63) return false;
    if (label.startsWith("-") || label.endsWith("-")) return false;
    // Underscores are no part of the grammar, but of many a host's name.
    for (const character of label) if (!isLetterOrDigit(character) && !"-_".includes(character)) return false;
  }
  return true;
}

/** Like "[10.0.2.2]" or "[IPv6:fe80::1]"; what the digits mean is not looked at. */
function isAddressLiteral(text: string): boolean {
  if (text.length < 3 || text[text.length - 1] !== "]") return false;
  for (const character of text.slice(1, -1)) {
    if (!isLetterOrDigit(character) && !".:-".includes(character)) return false;
  }
  return true;
}

/** Index of the ">" that ends the path; one inside quotes does not. */
function closingBracket(text: string): number {
  let isQuoted = false;
  for (let index = 1; index < text.length; index++) {
    if (isQuoted && text[index] === "\\") index++;
    else if (text[index] === '"') isQuoted = !isQuoted;
    else if (text[index] === ">" && !isQuoted) return index;
  }
  return -1;
}

/** `@one,@two:user@domain` without what stands before the colon; undefined when the route is malformed. */
function withoutSourceRoute(text: string): string | undefined {
  if (text[0] !== "@") return text;
  const colon = text.indexOf(":");
  if (colon < 0) return undefined;
  for (const hop of text.slice(0, colon).split(",")) {
    if (hop[0] !== "@" || !isDomain(hop.slice(1))) return undefined;
  }
  const mailbox = text.slice(colon + 1);
  return mailbox === "" ? undefined : mailbox;
}

function parseLocalPart(text: string): { readonly localPart: string; readonly end: number } | undefined {
  if (text[0] === '"') return parseQuotedString(text);
  let end = 0;
  while (end < text.length && isAtomText(text[end]!)) end++;
  const localPart = text.slice(0, end);
  // A dot-string: atoms with single dots between them.
  return localPart.split(".").includes("") ? undefined : { localPart, end };
}

function parseQuotedString(text: string): { readonly localPart: string; readonly end: number } | undefined {
  let localPart = "";
  for (let index = 1; index < text.length; index++) {
    if (text[index] === '"') return localPart === "" ? undefined : { localPart, end: index + 1 };
    if (text[index] === "\\") index++;
    localPart += text[index] ?? "";
  }
  return undefined;
}

function isAtomText(character: string): boolean {
  return isLetterOrDigit(character) || "!#$%&'*+-/=?^_`{|}~.".includes(character);
}

function isLetterOrDigit(character: string): boolean {
  return character >= "a" && character <= "z" || character >= "A" && character <= "Z" ||
    character >= "0" && character <= "9";
}

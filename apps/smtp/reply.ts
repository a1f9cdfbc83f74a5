/**
 * SMTP replies: a code, an enhanced status code and a line for people.
 *
 * Codes are RFC 5321's (section 4.2.2), enhanced codes RFC 3463's; the extension that
 * announces them (RFC 2034) wants one in every reply of class 2, 4 and 5 but the greeting and the
 * answers to HELO and EHLO.
 * - Texts are ASCII; what a client sent is quoted only after it was checked.
 */

import { mailDomain } from "../contracts/mail_store.ts";

/** One line, with its end. */
export function reply(code: number, text: string): string {
  return `${code} ${text}\r\n`;
}

/** All lines but the last have a hyphen behind the code. */
export function lines(code: number, texts: readonly string[]): string {
  const last = texts.length - 1;
  return texts.map((text, index) => `${code}${index === last ? " " : "-"}${text}\r\n`).join("");
}

/** Replies that say the same each time. */
export const replies = {
  greeting: reply(220, `${mailDomain} ESMTP Helios`),
  closing: reply(221, `2.0.0 ${mailDomain} closes the connection`),
  ok: reply(250, "2.0.0 OK"),
  senderOk: reply(250, "2.1.0 Sender OK"),
  recipientOk: reply(250, "2.1.5 Recipient OK"),
  stored: reply(250, "2.0.0 Scanned and on disk"),
  startMail: reply(354, "Start mail input, end with <CRLF>.<CRLF>"),
  idleTooLong: reply(421, `4.4.2 ${mailDomain} heard nothing for five minutes`),
  tooManyConnections: reply(421, `4.3.2 ${mailDomain} has too many connections, try again later`),
  storeUnavailable: reply(451, "4.3.0 The mail store does not answer, try again later"),
  tooManyRecipients: reply(452, "4.5.3 Too many recipients"),
  noMemory: reply(452, "4.3.1 Insufficient system storage"),
  lineTooLong: reply(500, "5.5.2 Line too long"),
  bareLineEnd: reply(500, "5.5.2 Lines end with CR LF, neither stands alone"),
  notText: reply(500, "5.5.2 Commands are printable ASCII"),
  unknownCommand: reply(500, "5.5.1 Unknown command"),
  noArgumentWanted: reply(501, "5.5.4 No argument is allowed"),
  domainWanted: reply(501, "5.5.4 A domain or an address literal is wanted"),
  mailSyntax: reply(501, "5.5.4 Syntax: MAIL FROM:<address> [parameters]"),
  recipientSyntax: reply(501, "5.5.4 Syntax: RCPT TO:<address>"),
  vrfySyntax: reply(501, "5.5.4 Syntax: VRFY account"),
  badParameter: reply(501, "5.5.4 A parameter has a wrong value or stands twice"),
  notImplemented: reply(502, "5.5.1 Command not implemented"),
  helloWanted: reply(503, "5.5.1 HELO or EHLO comes first"),
  mailWanted: reply(503, "5.5.1 MAIL comes first"),
  recipientWanted: reply(503, "5.5.1 RCPT comes first"),
  mailAlready: reply(503, "5.5.1 A mail transaction is open already"),
  unknownUser: reply(550, "5.1.1 No such user here"),
  relayDenied: reply(550, `5.7.1 Only mail for ${mailDomain} is taken`),
  tooLarge: reply(552, "5.3.4 Message too large"),
  badSender: reply(553, "5.1.7 The sender's address is malformed"),
  badRecipient: reply(553, "5.1.3 The recipient's address is malformed"),
  bareInMessage: reply(554, "5.6.0 The message has a CR or LF that stands alone"),
  unknownParameter: reply(555, "5.5.4 A parameter is not known"),
} as const;

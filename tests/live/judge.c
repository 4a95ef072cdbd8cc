/*
 * A consumer for the rules' own tests, as small as can be: says what reaches the queue and answers by the payload.
 *
 *     judge QUEUE MASK ACCEPTED REFUSED
 *
 * "refuse" in the payload: NF_REPEAT with the refuse mark. "settle": accepted with the accept mark. Anything else:
 * accepted, mark untouched. Prints a line a packet: hook, mark, protocol, port it goes to, and "returned" where the
 * refuse mark came back. "fence" and what follows in the payload is a line of its own: all before it has been judged.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned mask, accepted, refused;

static int judge(struct nfq_q_handle *queue, struct nfgenmsg *message, struct nfq_data *data, void *unused) {
  struct nfqnl_msg_packet_hdr *header = nfq_get_msg_packet_hdr(data);
  unsigned id = ntohl(header->packet_id), mark = nfq_get_nfmark(data);
  unsigned char *bytes;
  int length = nfq_get_payload(data, &bytes);
  int protocol = length < 20 ? 0 : bytes[0] >> 4 == 4 ? bytes[9] : bytes[6];
  (void)message, (void)unused;
  int head = length < 20 ? 0 : bytes[0] >> 4 == 4 ? (bytes[0] & 15) * 4 : 40;
  int port = length < head + 4 ? 0 : bytes[head + 2] << 8 | bytes[head + 3];
  unsigned char *fence = length > 0 ? memmem(bytes, length, "fence", 5) : NULL;
  if (fence)
    printf("%.*s\n", (int)(bytes + length - fence), fence);
  else
    printf("hook=%u mark=0x%x protocol=%d to=%d%s\n", header->hook, mark, protocol, port,
           (mark & mask) == refused ? " returned" : "");
  fflush(stdout);
  if ((mark & mask) == refused) return nfq_set_verdict(queue, id, NF_DROP, 0, NULL);
  if (length > 0 && memmem(bytes, length, "refuse", 6))
    return nfq_set_verdict2(queue, id, NF_REPEAT, (mark & ~mask) | refused, 0, NULL);
  if (length > 0 && memmem(bytes, length, "settle", 6))
    return nfq_set_verdict2(queue, id, NF_ACCEPT, (mark & ~mask) | accepted, 0, NULL);
  return nfq_set_verdict(queue, id, NF_ACCEPT, 0, NULL);
}

int main(int count, char **words) {
  static char buffer[70000] __attribute__((aligned));
  struct nfq_handle *handle = nfq_open();
  struct nfq_q_handle *queue;
  int length;
  if (count != 5 || !handle) return 1;
  mask = strtoul(words[2], 0, 0), accepted = strtoul(words[3], 0, 0), refused = strtoul(words[4], 0, 0);
  queue = nfq_create_queue(handle, atoi(words[1]), judge, NULL);
  if (!queue || nfq_set_mode(queue, NFQNL_COPY_PACKET, 2048) < 0) return 1;
  puts("ready");
  fflush(stdout);
  while ((length = recv(nfq_fd(handle), buffer, sizeof buffer, 0)) >= 0 || 1)
    if (length > 0) nfq_handle_packet(handle, buffer, length);
}

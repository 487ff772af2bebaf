/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include <core/control/filter.h>

#define MOST_BYTES  4096
#define MOST_TOKENS 1024

struct token {
	const char *text;
	size_t length;
};

/* Words of pcap-filter(7) for Ethernet. */
static const char *const words[] = {
	"and", "or", "not", "src", "dst", "host", "net", "mask", "port", "portrange", "proto",
	"protochain", "gateway", "less", "greater", "len", "length", "ether", "link", "ip", "ip6",
	"arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "igrp", "pim", "vrrp", "carp",
	"ah", "esp", "atalk", "aarp", "decnet", "iso", "stp", "ipx", "netbeui", "lat", "moprc",
	"mopdl", "loopback", "clnp", "isis", "esis", "broadcast", "multicast", "vlan", "mpls",
	"pppoed", "pppoes", "geneve", "vxlan", "inbound", "outbound", "addr1", "addr2",
	/* offsets and values of fields */
	"tcpflags", "tcp-fin", "tcp-syn", "tcp-rst", "tcp-push", "tcp-ack", "tcp-urg", "tcp-ece",
	"tcp-cwr", "icmptype", "icmpcode", "icmp-echoreply", "icmp-unreach", "icmp-sourcequench",
	"icmp-redirect", "icmp-echo", "icmp-routeradvert", "icmp-routersolicit", "icmp-timxceed",
	"icmp-paramprob", "icmp-tstamp", "icmp-tstampreply", "icmp-ireq", "icmp-ireqreply",
	"icmp-maskreq", "icmp-maskreply", "icmp6type", "icmp6code", "icmp6-destinationunreach",
	"icmp6-packettoobig", "icmp6-timeexceeded", "icmp6-parameterproblem", "icmp6-echo",
	"icmp6-echoreply", "icmp6-multicastlistenerquery", "icmp6-multicastlistenerreportv1",
	"icmp6-multicastlistenerdone", "icmp6-routersolicit", "icmp6-routeradvert",
	"icmp6-neighborsolicit", "icmp6-neighboradvert", "icmp6-redirect", NULL};

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-' || c == ':' ||
	       c == '/' || c == '\\' || c == '$';
}

static unsigned int split(const char *text, struct token *tokens)
{
	unsigned int count = 0;

	while (count < MOST_TOKENS) {
		size_t length = 1;

		text += strspn(text, " \t\r\n");
		if (*text == '\0')
			break;
		if (in_word(*text))
			for (; in_word(text[length]); length++)
				;
		else if (strspn(text, "&|<>=!") >= 2)
			length = text[0] == '!' && text[1] != '=' ? 1 : 2;
		tokens[count++] = (struct token){text, length};
		text += length;
	}
	return count;
}

static bool is(const struct token *token, const char *word)
{
	return strlen(word) == token->length && memcmp(token->text, word, token->length) == 0;
}

static bool is_known(const struct token *token)
{
	for (unsigned int i = 0; words[i] != NULL; i++)
		if (is(token, words[i]))
			return true;
	return false;
}

static int fail_at(const char *text, const char *at, struct sl_errors *errors, const char *what,
		   const char *detail)
{
	struct sl_place place = {
		.file = "filter", .line = 1, .column = (unsigned int)(at - text) + 1};

	return sl_fail_place(errors, EINVAL, place, what, detail);
}

/* A word that libpcap would look up as the name of a host or a network. */
static int check_words(const char *text, const struct token *tokens, unsigned int count,
		       struct sl_errors *errors)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct token *token = &tokens[i];
		char word[64], what[192];
		const char *near;

		/* Numbers and addresses; "\tcp" is a protocol's name. */
		if (!isalpha((unsigned char)token->text[0]) ||
		    memchr(token->text, ':', token->length) != NULL || is_known(token))
			continue;
		snprintf(word, sizeof(word), "%.*s", token->length < 60 ? (int)token->length : 60,
			 token->text);
		if (i > 0 && (is(&tokens[i - 1], "port") || is(&tokens[i - 1], "portrange")) &&
		    (getservbyname(word, NULL) != NULL || strchr(word, '-') != NULL))
			continue;
		if (i > 0 && (is(&tokens[i - 1], "proto") || is(&tokens[i - 1], "protochain")))
			continue;
		near = sl_near_miss(word, words);
		snprintf(what, sizeof(what),
			 near != NULL ? "`%s`: no such word; did you mean `%s`?"
				      : "`%s`: no such word; a host is given by its address",
			 word, near);
		return fail_at(text, token->text, errors, "%s", what);
	}
	return 0;
}

static bool compiles(pcap_t *pcap, const char *text, struct bpf_program *program, int optimize)
{
	return pcap_compile(pcap, program, text, optimize, PCAP_NETMASK_UNKNOWN) == 0;
}

/* Whether something can follow that makes it a filter. */
static bool can_go_on(pcap_t *pcap, const char *text, size_t length)
{
	static const char *const ends[] = {
		"",         " ip",          " 1",
		" 1.2.3.4", " port 1",      " host 1.2.3.4",
		" proto 1", "1] = 1",       "] = 1",
		" = 1",     " 2001:db8::1", " 1:2:3:4:5:6",
		" 1-2",     " 1.0.0.0/8",   " mask 255.0.0.0",
	};
	char longer[MOST_BYTES + 128];
	int open = 0;

	for (size_t i = 0; i < length; i++)
		open += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
	if (open < 0)
		return false;
	for (unsigned int i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct bpf_program program;
		int used = snprintf(longer, sizeof(longer), "%.*s%s", (int)length, text, ends[i]);

		for (int c = 0; c < open && c < 64; c++)
			longer[used++] = ')';
		longer[used] = '\0';
		if (compiles(pcap, longer, &program, 0)) {
			pcap_freecode(&program);
			return true;
		}
	}
	return false;
}

/* Name the first token after which nothing can make it a filter. */
static int explain(pcap_t *pcap, const char *text, const struct token *tokens, unsigned int count,
		   struct sl_errors *errors)
{
	unsigned int low = 0, high = count; /* the first `low` tokens can go on */
	char reason[PCAP_ERRBUF_SIZE], what[PCAP_ERRBUF_SIZE + 128];

	snprintf(reason, sizeof(reason), "%s", pcap_geterr(pcap));
	while (low < high) {
		unsigned int middle = (low + high + 1) / 2;
		const struct token *last = &tokens[middle - 1];

		if (can_go_on(pcap, text, (size_t)(last->text - text) + last->length))
			low = middle;
		else
			high = middle - 1;
	}
	if (strstr(reason, "syntax error") == NULL)
		snprintf(what, sizeof(what), "%s", reason);
	else if (low == count)
		snprintf(what, sizeof(what), "something is missing at the end");
	else
		snprintf(what, sizeof(what), "`%.*s` was not expected here",
			 tokens[low].length < 60 ? (int)tokens[low].length : 60, tokens[low].text);
	return fail_at(text, low < count ? tokens[low].text : text + strlen(text), errors, "%s",
		       what);
}

int sl_filter_compile(const char *text, struct bpf_insn **program, struct sl_errors *errors)
{
	struct token tokens[MOST_TOKENS];
	struct bpf_program compiled;
	unsigned int count;
	pcap_t *pcap;
	int err;

	*program = NULL;
	if (text == NULL || text[0] == '\0')
		return 0;
	if (strlen(text) > MOST_BYTES)
		return sl_fail(errors, EINVAL, "a filter has at most %d bytes", MOST_BYTES);
	count = split(text, tokens);
	err = check_words(text, tokens, count, errors);
	if (err != 0)
		return err;
	pcap = pcap_open_dead(DLT_EN10MB, 262144);
	if (pcap == NULL)
		return sl_fail(errors, ENOMEM, "out of memory");
	if (!compiles(pcap, text, &compiled, 1)) {
		err = explain(pcap, text, tokens, count, errors);
	} else {
		*program = malloc(compiled.bf_len * sizeof(**program));
		if (*program != NULL)
			memcpy(*program, compiled.bf_insns, compiled.bf_len * sizeof(**program));
		else
			err = sl_fail(errors, ENOMEM, "out of memory");
		pcap_freecode(&compiled);
	}
	pcap_close(pcap);
	return err;
}

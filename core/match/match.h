/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The insides of a matcher. Packets fall in three groups, each with its own search tree: IPv4,
 * IPv6, and the rest (other EtherTypes and IP headers that are damaged). A tree's key has a
 * first byte, the *class* of the packet, and then only those 4-byte words that some rule of the
 * group looks at: fewer bytes are fewer steps in the tree.
 */
#ifndef CORE_MATCH_MATCH_H
#define CORE_MATCH_MATCH_H

#include <rte_acl.h>

#include <sluice/match.h>
#include <sluice/packet.h>

enum sl_match_group {
	SL_GROUP_IPV4,
	SL_GROUP_IPV6,
	SL_GROUP_OTHER,
	SL_GROUP_COUNT,
};

/* What each packet is, besides addresses and numbers: 5 bits that index sl_classes.state[]. */
enum sl_match_state {
	SL_STATE_FRAGMENT = 1 << 0,
	SL_STATE_LATER = 1 << 1,
	SL_STATE_OPTIONS = 1 << 2,
	SL_STATE_SIDE = 1 << 3, /* from outside */
	SL_STATE_L4 = 1 << 4,   /* the transport header can be read */
	SL_STATE_COUNT = 32,
};

/* The class of a packet is proto[IP protocol] + state[state bits]: packets of one class are
 * the same to every rule in all that is not a word of the key. */
struct sl_classes {
	uint8_t proto[256];
	uint8_t state[SL_STATE_COUNT];
	uint32_t count;
	uint32_t states; /* how many kinds of state there are */
};

/* The protocols and states that a rule accepts; a packet's class is accepted when both are. */
struct sl_class_set {
	uint64_t proto[4];
	uint32_t state;
};

/* Words of the key, in the order in which they stand in it. */
enum sl_word {
	SL_WORD_SOURCE,                    /* 4 words; IPv4: the first */
	SL_WORD_DEST = SL_WORD_SOURCE + 4, /* 4 words; IPv4: the first */
	SL_WORD_PORTS = SL_WORD_DEST + 4,  /* source port, destination port */
	SL_WORD_TYPES,                     /* ICMP type, ICMP code, TCP flags, DSCP */
	SL_WORD_LINK,                      /* VLAN id, EtherType */
	SL_WORD_MARK,                      /* mark */
	SL_WORD_MACS,                      /* 3 words: destination MAC, source MAC */
	SL_WORD_COUNT = SL_WORD_MACS + 3,
};

/* The class stands in byte 3, so that the words after it are aligned. */
#define SL_KEY_CLASS 3
#define SL_KEY_WORDS 4
#define SL_KEY_MAX   (SL_KEY_WORDS + 4 * SL_WORD_COUNT)

struct sl_match_tree {
	bool any_rule; /* else nothing of this group can match */
	struct rte_acl_ctx *acl;
	uint32_t *by_class; /* instead of acl when no word is looked at */
	uint32_t words;     /* bit per enum sl_word: those in the key */
	uint8_t stride;     /* bytes of a key */
	uint8_t offset[SL_WORD_COUNT];
	struct sl_classes classes;
};

struct sl_matcher {
	struct sl_instance *instance;
	uint32_t count;
	bool reads_psh;  /* some rule tells TCP segments with ACK from those with ACK and PSH */
	bool reads_code; /* some rule looks at the code of ICMP */
	struct sl_match_tree trees[SL_GROUP_COUNT];
};

/* A packet as the language sees it. */
static inline enum sl_match_group sl_match_group(const struct sl_packet *p)
{
	if (p->flags & SL_PKT_MALFORMED)
		return SL_GROUP_OTHER;
	if (p->family == SL_L3_IPV4)
		return SL_GROUP_IPV4;
	return p->family == SL_L3_IPV6 ? SL_GROUP_IPV6 : SL_GROUP_OTHER;
}

/* VLAN id; a tag with id 0 only carries a priority (IEEE 802.1Q, 6.9): untagged. */
static inline uint16_t sl_match_vlan(const struct sl_packet *p)
{
	return p->flags & SL_PKT_VLAN ? p->vlan & 0xfff : 0;
}

/* EtherType of the payload, past VLAN tags, as it stands in the packet. */
static inline rte_be16_t sl_match_ethertype(const struct rte_mbuf *m, const struct sl_packet *p)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	rte_be16_t type;

	memcpy(&type, data + RTE_MAX(p->l3, (uint16_t)RTE_ETHER_HDR_LEN) - sizeof(type),
	       sizeof(type));
	return type;
}

static inline uint8_t sl_match_dscp(const struct rte_mbuf *m, const struct sl_packet *p)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l3);

	if (p->family == SL_L3_IPV4)
		return ip[1] >> 2;
	return (uint8_t)((ip[0] << 2 | ip[1] >> 6) & 0x3f);
}

/* One alternative of `tcp-flags`: flags & mask == value. */
struct sl_flag_test {
	uint8_t mask, value;
};
#define SL_FLAG_TESTS 32

/* Read the language. Returns how many alternatives, or 0 with an explanation. */
unsigned int sl_match_flags(const char *text, struct sl_flag_test tests[SL_FLAG_TESTS],
			    const char **why);

/* Does the rule speak of that group at all? From then on sl_match_set() and the words decide. */
bool sl_match_in_group(const struct sl_match *match, enum sl_match_group group);
void sl_match_set(const struct sl_match *match, enum sl_match_group group,
		  struct sl_class_set *set);
/* Sort protocols and states into classes. False when there would be more than 256. */
bool sl_classes_make(struct sl_classes *classes, const struct sl_class_set *sets, uint32_t count);
static inline bool sl_class_set_proto(const struct sl_class_set *set, unsigned int proto)
{
	return set->proto[proto / 64] >> (proto % 64) & 1;
}

#endif

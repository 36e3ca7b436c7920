/* SPDX-License-Identifier: MIT */
#include "journal/format.h"

#include <stdlib.h>
#include <string.h>

#include "journal/checksum.h"

static uint64_t head_sum(const struct smi_head *head)
{
	struct smi_head copy = *head;

	copy.sum = 0;
	return smi_checksum(head + 1, head->key_size, smi_checksum(&copy, sizeof copy, 0));
}

struct smi_head *smi_head_make(const char *key, size_t *size)
{
	size_t length = strlen(key), whole = sizeof(struct smi_head) + (size_t)smi_padded(length);
	struct smi_head *head = calloc(1, whole);

	if (!head)
		return NULL;
	memcpy(head->magic, "smijrnl\n", sizeof head->magic);
	head->order = SMI_ORDER;
	head->version = SMI_JOURNAL_VERSION;
	head->key_size = length;
	memcpy(head + 1, key, head->key_size);
	head->sum = head_sum(head);
	*size = whole;
	return head;
}

bool smi_head_sound(const struct smi_head *head, uint64_t length)
{
	return length >= sizeof *head && head->key_size <= length - sizeof *head &&
	       head->sum == head_sum(head);
}

static uint32_t record_sum(const struct smi_record *record, uint64_t at)
{
	struct smi_record copy = *record;

	copy.sum = 0;
	return (uint32_t)smi_checksum(&copy, sizeof copy, at);
}

void smi_record_seal(struct smi_record *record, uint64_t at, const void *value)
{
	record->value_sum = smi_checksum(value, record->size, 0);
	record->sum = record_sum(record, at);
}

bool smi_record_sound(const struct smi_record *record, uint64_t at)
{
	return record->sum == record_sum(record, at);
}

bool smi_record_value_sound(const struct smi_record *record)
{
	const char *value = (const char *)(record + 1);

	for (uint64_t i = record->size; i < smi_padded(record->size); i++)
		if (value[i] != 0)
			return false;
	return record->value_sum == smi_checksum(value, record->size, 0);
}

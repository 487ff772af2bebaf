/* SPDX-License-Identifier: BSD-3-Clause */
/* Collects problems while a file is read or an engine starts, and prints them once, in order. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <core/error/errors.h>

/* Past so many, more would not help anybody, and a hostile file must not fill memory. */
#define MAX_PROBLEMS 1000

struct problems {
	struct sl_error *items;
	unsigned int count, room;
	bool sorted;
};

struct file_name {
	struct file_name *next;
	char text[];
};

struct sl_errors {
	struct problems errors, notes;
	struct file_name *files; /* copies: places may outlive the text they came from */
	char *subject;
	struct sl_place subject_place;
	sl_place_fn resolve;
	void *context;
	bool lost; /* some problem could not be kept: `last_resort` stands for it */
	struct sl_error last_resort;
};

struct sl_errors *sl_errors_new(void)
{
	struct sl_errors *errors = calloc(1, sizeof(*errors));

	if (errors != NULL)
		errors->errors.sorted = errors->notes.sorted = true;
	return errors;
}

static void problems_free(struct problems *problems)
{
	for (unsigned int i = 0; i < problems->count; i++)
		free(problems->items[i].text);
	free(problems->items);
}

void sl_errors_free(struct sl_errors *errors)
{
	if (errors == NULL)
		return;
	problems_free(&errors->errors);
	problems_free(&errors->notes);
	while (errors->files != NULL) {
		struct file_name *next = errors->files->next;

		free(errors->files);
		errors->files = next;
	}
	free(errors->subject);
	free(errors);
}

/* The sink's own copy of a file name; NULL when there is no memory for it. */
static const char *keep_name(struct sl_errors *errors, const char *name)
{
	struct file_name *file;
	size_t size;

	if (name == NULL)
		return NULL;
	for (file = errors->files; file != NULL; file = file->next)
		if (strcmp(file->text, name) == 0)
			return file->text;
	size = strlen(name) + 1;
	file = malloc(sizeof(*file) + size);
	if (file == NULL)
		return NULL;
	memcpy(file->text, name, size);
	file->next = errors->files;
	errors->files = file;
	return file->text;
}

void sl_errors_resolve(struct sl_errors *errors, sl_place_fn resolve, void *context)
{
	if (errors == NULL)
		return;
	errors->resolve = resolve;
	errors->context = context;
}

void sl_errors_subject(struct sl_errors *errors, const char *subject, struct sl_place place)
{
	if (errors == NULL)
		return;
	free(errors->subject);
	errors->subject = subject != NULL ? strdup(subject) : NULL;
	errors->subject_place = place;
	errors->subject_place.file = keep_name(errors, place.file);
}

static bool same(const struct sl_error *a, const struct sl_error *b)
{
	return a->place.file == b->place.file && a->place.line == b->place.line &&
	       a->place.column == b->place.column && strcmp(a->text, b->text) == 0;
}

/* Takes over the text. False: it could not be kept. */
static bool problems_add(struct problems *problems, const struct sl_error *problem)
{
	for (unsigned int i = 0; i < problems->count; i++) {
		if (same(&problems->items[i], problem)) {
			free(problem->text);
			return true;
		}
	}
	if (problems->count == problems->room) {
		unsigned int room = problems->room == 0 ? 16 : 2 * problems->room;
		struct sl_error *items = NULL;

		if (problems->count < MAX_PROBLEMS)
			items = realloc(problems->items, room * sizeof(*items));
		if (items == NULL) {
			free(problem->text);
			return false;
		}
		problems->items = items;
		problems->room = room;
	}
	problems->items[problems->count++] = *problem;
	problems->sorted = false;
	return true;
}

static void lose(struct sl_errors *errors, int code, const char *why)
{
	if (errors->lost)
		return;
	errors->lost = true;
	errors->last_resort.code = code;
	errors->last_resort.text = (char *)(uintptr_t)why;
}

/* code 0: a note. */
static void add(struct sl_errors *errors, int code, struct sl_place place, const char *format,
		va_list args) __attribute__((format(printf, 4, 0)));
static void add(struct sl_errors *errors, int code, struct sl_place place, const char *format,
		va_list args)
{
	struct sl_error problem = {.code = code, .place = place};

	if (errors == NULL)
		return;
	if (vasprintf(&problem.text, format, args) < 0) {
		lose(errors, ENOMEM, "out of memory");
		return;
	}
	if (place.file == NULL && errors->subject != NULL) {
		char *whole = NULL;

		if (asprintf(&whole, "%s%s", errors->subject, problem.text) >= 0) {
			free(problem.text);
			problem.text = whole;
		}
		problem.place = errors->subject_place;
	}
	problem.place.file = keep_name(errors, problem.place.file);
	if (!problems_add(code != 0 ? &errors->errors : &errors->notes, &problem) && code != 0)
		lose(errors, code, "there are more errors than can be listed");
}

int sl_fail(struct sl_errors *errors, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(errors, code, (struct sl_place){0}, format, args);
	va_end(args);
	return -code;
}

int sl_fail_at(struct sl_errors *errors, const void *field, const char *format, ...)
{
	struct sl_place place = {0};
	va_list args;

	if (errors != NULL && errors->resolve != NULL &&
	    !errors->resolve(errors->context, field, &place))
		place = (struct sl_place){0};
	va_start(args, format);
	add(errors, EINVAL, place, format, args);
	va_end(args);
	return -EINVAL;
}

int sl_fail_place(struct sl_errors *errors, int code, struct sl_place place, const char *format,
		  ...)
{
	va_list args;

	va_start(args, format);
	add(errors, code, place, format, args);
	va_end(args);
	return -code;
}

void sl_note_place(struct sl_errors *errors, struct sl_place place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(errors, 0, place, format, args);
	va_end(args);
}

/* By file, line, column; without a file last. Equal places keep the order of their arrival,
 * as the sort is stable. */
static int compare(const struct sl_error *a, const struct sl_error *b)
{
	const struct sl_place *p = &a->place, *q = &b->place;

	if (p->file != q->file) {
		if (p->file == NULL || q->file == NULL)
			return p->file == NULL ? 1 : -1;
		return strcmp(p->file, q->file);
	}
	if (p->line != q->line)
		return p->line < q->line ? -1 : 1;
	if (p->column != q->column)
		return p->column < q->column ? -1 : 1;
	return 0;
}

static void problems_sort(struct problems *problems)
{
	if (problems->sorted)
		return;
	for (unsigned int i = 1; i < problems->count; i++) {
		struct sl_error problem = problems->items[i];
		unsigned int k = i;

		for (; k > 0 && compare(&problem, &problems->items[k - 1]) < 0; k--)
			problems->items[k] = problems->items[k - 1];
		problems->items[k] = problem;
	}
	problems->sorted = true;
}

unsigned int sl_errors_count(const struct sl_errors *errors)
{
	return errors == NULL ? 0 : errors->errors.count + (errors->lost ? 1 : 0);
}

const struct sl_error *sl_errors_get(struct sl_errors *errors, unsigned int i)
{
	if (i >= sl_errors_count(errors))
		return NULL;
	problems_sort(&errors->errors);
	return i < errors->errors.count ? &errors->errors.items[i] : &errors->last_resort;
}

/* Texts quote what files and peers say: control bytes must not reach a terminal. */
static void print_clean(const char *text, FILE *out)
{
	for (const unsigned char *c = (const unsigned char *)text; *c != 0; c++) {
		if (*c < 0x20 || *c == 0x7f)
			fprintf(out, "\\x%02x", *c);
		else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) /* C1 controls in UTF-8 */
			fprintf(out, "\\u%04x", *++c);
		else
			putc(*c, out);
	}
}

static void print_problem(const struct sl_error *problem, FILE *out)
{
	if (problem->place.file != NULL) {
		print_clean(problem->place.file, out);
		if (problem->place.line != 0)
			fprintf(out, ":%u", problem->place.line);
		if (problem->place.line != 0 && problem->place.column != 0)
			fprintf(out, ":%u", problem->place.column);
		fputs(": ", out);
	}
	fputs(problem->code != 0 ? "error: " : "note: ", out);
	print_clean(problem->text, out);
	putc('\n', out);
}

void sl_errors_print(struct sl_errors *errors, FILE *out)
{
	unsigned int e = 0, n = 0;

	if (errors == NULL)
		return;
	problems_sort(&errors->errors);
	problems_sort(&errors->notes);
	while (e < errors->errors.count || n < errors->notes.count) {
		if (n == errors->notes.count ||
		    (e < errors->errors.count &&
		     compare(&errors->errors.items[e], &errors->notes.items[n]) <= 0))
			print_problem(&errors->errors.items[e++], out);
		else
			print_problem(&errors->notes.items[n++], out);
	}
	if (errors->lost)
		print_problem(&errors->last_resort, out);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <string.h>

#include <core/control/text.h>

/* What has been written of a line. */
struct line {
	FILE *out;
	unsigned int column, indent, columns;
	bool begun; /* there is a word in it */
};

static void end_line(struct line *line)
{
	fputc('\n', line->out);
	line->column = 0;
	line->begun = false;
}

static void put_word(struct line *line, const char *word, unsigned int length)
{
	if (line->begun && line->column + 1 + length > line->columns)
		end_line(line);
	if (!line->begun && line->column < line->indent) {
		fprintf(line->out, "%*s", (int)(line->indent - line->column), "");
		line->column = line->indent;
	}
	if (line->begun) {
		fputc(' ', line->out);
		line->column++;
	}
	fwrite(word, 1, length, line->out);
	line->column += length;
	line->begun = true;
}

/* One line of the text as it is. */
static const char *put_whole(struct line *line, const char *text)
{
	size_t length = strcspn(text, "\n");

	if (line->begun)
		end_line(line);
	fprintf(line->out, "%*s%.*s", (int)line->indent, "", (int)length, text);
	end_line(line);
	return text + length + (text[length] == '\n');
}

void sl_text_print(FILE *out, const char *text, unsigned int indent, unsigned int columns,
		   const char *start)
{
	struct line line = {out, (unsigned int)strlen(start), indent, columns, false};
	bool fresh = true; /* at the start of a line of the text */

	fputs(start, out);
	while (*text != '\0') {
		size_t word = strcspn(text, " \n");

		if (fresh && *text == ' ') {
			text = put_whole(&line, text);
			continue;
		}
		if (fresh && *text == '\n') {
			if (line.begun)
				end_line(&line);
			end_line(&line);
		}
		if (word != 0)
			put_word(&line, text, (unsigned int)word);
		text += word;
		fresh = *text == '\n';
		text += *text != '\0';
	}
	if (line.begun || line.column != 0)
		end_line(&line);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#define _GNU_SOURCE // strsep
#include "robots.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Whether the pattern fits the beginning of the path.
static int fits(const char *pattern, const char *path)
{
    for (; *pattern; pattern++, path++) {
        if (pattern[0] == '$' && pattern[1] == 0)
            return *path == 0;
        if (*pattern == '*') {
            for (;; path++) {
                if (fits(pattern + 1, path))
                    return 1;
                if (*path == 0)
                    return 0;
            }
        }
        if (*pattern != *path)
            return 0;
    }
    return 1;
}

int robots_allow(const struct robots *robots, const char *path)
{
    size_t longest = 0;
    int allow = 1;
    for (size_t i = 0; i < robots->count; i++) {
        const struct robots_rule *rule = &robots->rules[i];
        size_t length = strlen(rule->path);
        if (!fits(rule->path, path) || length < longest)
            continue;
        allow = length > longest ? rule->allow : allow || rule->allow;
        longest = length;
    }
    return allow;
}

static void add_rule(struct robots *robots, const char *path, int allow)
{
    if (path[0] == 0)
        return;
    struct robots_rule *rules =
        realloc(robots->rules, (robots->count + 1) * sizeof *rules);
    char *copy = rules ? strdup(path) : NULL;
    if (rules)
        robots->rules = rules;
    if (copy)
        rules[robots->count++] = (struct robots_rule){copy, allow};
}

void robots_free(struct robots *robots)
{
    for (size_t i = 0; i < robots->count; i++)
        free(robots->rules[i].path);
    free(robots->rules);
    *robots = (struct robots){0};
}

// Takes the next line apart: the field's name and its value, without comment
// and blanks; NULL at the end.
static char *next_line(char **text, char **value)
{
    char *line;
    while ((line = strsep(text, "\n")) != NULL) {
        line[strcspn(line, "#\r")] = 0;
        line += strspn(line, " \t");
        char *colon = strchr(line, ':');
        if (colon == NULL)
            continue;
        *colon = 0;
        line[strcspn(line, " \t")] = 0;
        *value = colon + 1 + strspn(colon + 1, " \t");
        size_t length = strlen(*value);
        while (length > 0 && strchr(" \t", (*value)[length - 1]))
            (*value)[--length] = 0;
        return line;
    }
    return NULL;
}

// Reads the groups that are for the agent, exactly or among everybody. Their
// number.
static int read_groups(struct robots *robots, char *text, const char *agent)
{
    int groups = 0, in_head = 0, ours = 0;
    char *name, *value;
    while ((name = next_line(&text, &value)) != NULL) {
        if (strcasecmp(name, "user-agent") == 0) {
            ours = (in_head && ours) || strcasecmp(value, agent) == 0;
            groups += ours;
            in_head = 1;
            continue;
        }
        in_head = 0;
        if (!ours)
            continue;
        if (strcasecmp(name, "disallow") == 0)
            add_rule(robots, value, 0);
        else if (strcasecmp(name, "allow") == 0)
            add_rule(robots, value, 1);
        else if (strcasecmp(name, "crawl-delay") == 0)
            robots->delay = atof(value);
    }
    return groups;
}

void robots_read(struct robots *robots, const char *text, const char *agent)
{
    *robots = (struct robots){0};
    const char *const agents[] = {agent, "*"};
    for (int i = 0; i < 2; i++) {
        char *copy = strdup(text);
        int groups = copy ? read_groups(robots, copy, agents[i]) : 1;
        free(copy);
        if (groups > 0)
            return;
    }
}

#ifndef CLIENT_H
#define CLIENT_H

#include <stdio.h>
#include "net/connection.h"

/* Readings that are sent at once. */
#define MAX_BATCH 100
#define SQUARE(x) ((x) * (x))

typedef struct reading {
    double value;
    const char *station;
} reading_t;

enum mode { MODE_FAST, MODE_SAFE = 2 };

struct client;

typedef int (*on_sent)(struct client *client, int count);

extern int client_count;
static const char *names[] = {"a", "b"};

/* Makes a client. */
struct client *client_new(const char *address);
int client_add(struct client *client, const reading_t *reading);

static inline int client_double(int value)
{
    int twice = value * 2;
    connection_send(NULL, twice);
    return twice;
}

#endif

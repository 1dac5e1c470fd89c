/* Put in front of the C library (LD_PRELOAD) by tests/socket_watch.py: while the environment has SOCKET_WATCH, the process reaches
 * this machine alone. What goes elsewhere is refused, and a line in that file says so. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

static const char *watched(void) {
    const char *file = getenv("SOCKET_WATCH");
    return file != NULL && *file != '\0' ? file : NULL;
}

static void note(const char *did, const char *where) {
    int before = errno, file = open(watched(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (file >= 0) {
        dprintf(file, "%s %s %s (process %d)\n", program_invocation_short_name, did, where, (int) getpid());
        close(file);
    }
    errno = before;
}

/* Whether the address is this machine's own; `any`: so is "every address", which a client connects to as to this machine. */
static int is_here(const struct sockaddr *address, int any) {
    if (address == NULL)
        return 1;
    if (address->sa_family == AF_INET) {
        in_addr_t host = ntohl(((const struct sockaddr_in *) address)->sin_addr.s_addr);
        return host >> 24 == 127 || (any && host == INADDR_ANY);
    }
    if (address->sa_family == AF_INET6) {
        const struct in6_addr *host = &((const struct sockaddr_in6 *) address)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(host))
            return host->s6_addr[12] == 127 || (any && ntohl(host->s6_addr32[3]) == INADDR_ANY);
        return IN6_IS_ADDR_LOOPBACK(host) || (any && IN6_IS_ADDR_UNSPECIFIED(host));
    }
    return 1; /* a path, the kernel, or no address */
}

static int goes_out(const char *did, const struct sockaddr *address, int any) {
    char host[INET6_ADDRSTRLEN] = "?", where[INET6_ADDRSTRLEN + 16];
    if (watched() == NULL || is_here(address, any))
        return 0;
    const struct sockaddr_in *four = (const struct sockaddr_in *) address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *) address;
    int is_six = address->sa_family == AF_INET6;
    inet_ntop(address->sa_family, is_six ? (const void *) &six->sin6_addr : (const void *) &four->sin_addr, host, sizeof host);
    snprintf(where, sizeof where, "%s port %d", host, ntohs(is_six ? six->sin6_port : four->sin_port));
    note(did, where);
    return 1;
}

static int refused(void) {
    errno = ENETUNREACH;
    return -1;
}

int connect(int socket, const struct sockaddr *address, socklen_t length) {
    return goes_out("connects to", address, 1) ? refused() : NEXT(connect)(socket, address, length);
}

ssize_t sendto(int socket, const void *data, size_t size, int flags, const struct sockaddr *address, socklen_t length) {
    return goes_out("sends to", address, 1) ? refused() : NEXT(sendto)(socket, data, size, flags, address, length);
}

ssize_t sendmsg(int socket, const struct msghdr *message, int flags) {
    return goes_out("sends to", message->msg_name, 1) ? refused() : NEXT(sendmsg)(socket, message, flags);
}

/* Not refused: a server that its test did not want to be reached from elsewhere is found afterwards. */
int listen(int socket, int backlog) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    memset(&address, 0, sizeof address);
    if (watched() != NULL && getsockname(socket, (struct sockaddr *) &address, &length) == 0)
        goes_out("listens on", (struct sockaddr *) &address, 0);
    return NEXT(listen)(socket, backlog);
}

static int ends_with(const char *name, const char *end) {
    size_t all = strlen(name), part = strlen(end);
    return all >= part && strcasecmp(name + all - part, end) == 0;
}

/* A name that a resolver would ask a server for. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    char own[256] = "";
    struct in_addr four;
    struct in6_addr six;
    int asked = watched() != NULL && name != NULL && *name != '\0' && !(hints != NULL && hints->ai_flags & AI_NUMERICHOST);
    if (asked) {
        gethostname(own, sizeof own - 1);
        asked = strcasecmp(name, own) != 0 && !ends_with(name, "localhost") && strchr(name, '%') == NULL
            && inet_aton(name, &four) == 0 && inet_pton(AF_INET6, name, &six) != 1;
    }
    if (asked) {
        note("looks up", name);
        return EAI_FAIL;
    }
    return NEXT(getaddrinfo)(name, service, hints, found);
}

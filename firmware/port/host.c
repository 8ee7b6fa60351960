/* The computer itself as a board: a pseudo terminal is the UART. The only file of the firmware that uses libc and POSIX. */
#define _XOPEN_SOURCE 700
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "mcuq/port.h"

#define TICKS_HZ 100000000u
#define IDLE_WAIT_MS 20
#define INHERITED "MCUQ_TERMINAL" /* environment: the descriptor that a reset hands on */

static int terminal = -1;

static void give_up(const char *what)
{
    fprintf(stderr, "mcuq host firmware: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void make_raw(int descriptor)
{
    struct termios settings;
    if (tcgetattr(descriptor, &settings) != 0) {
        give_up("tcgetattr");
    }
    settings.c_iflag &= (tcflag_t) ~(BRKINT | ICRNL | IGNBRK | IGNCR | INLCR | INPCK | ISTRIP | IXON | PARMRK);
    settings.c_oflag &= (tcflag_t)~OPOST;
    settings.c_lflag &= (tcflag_t) ~(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
    settings.c_cflag = (settings.c_cflag & (tcflag_t) ~(CSIZE | PARENB)) | CS8;
    if (tcsetattr(descriptor, TCSANOW, &settings) != 0) {
        give_up("tcsetattr");
    }
}

static bool inherit_terminal(void)
{
    const char *descriptor = getenv(INHERITED);
    if (descriptor == NULL) {
        return false;
    }
    terminal = atoi(descriptor);
    return true;
}

/* Opens a pseudo terminal and prints the path of its other end as the first line of standard output. */
void mcuq_port_init(void)
{
    if (inherit_terminal()) {
        return;
    }
    terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) {
        give_up("cannot open a pseudo terminal");
    }
    const char *path = ptsname(terminal);
    if (path == NULL) {
        give_up("ptsname");
    }
    /* Held open, so that a client may come and go without the terminal hanging up. */
    int other_end = open(path, O_RDWR | O_NOCTTY);
    if (other_end < 0) {
        give_up("cannot open the other end of the pseudo terminal");
    }
    make_raw(other_end);
    printf("%s\n", path);
    fflush(stdout);
}

/* Waits a moment when nothing is there, so that an idle device leaves the processor alone. */
size_t mcuq_port_read(uint8_t *data, size_t limit)
{
    struct pollfd waiting = {.fd = terminal, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, IDLE_WAIT_MS) <= 0 || !(waiting.revents & POLLIN)) {
        return 0;
    }
    ssize_t got = read(terminal, data, limit);
    return got > 0 ? (size_t)got : 0u;
}

void mcuq_port_write(const uint8_t *data, size_t bytes)
{
    while (bytes > 0) {
        struct pollfd waiting = {.fd = terminal, .events = POLLOUT, .revents = 0};
        if (poll(&waiting, 1, 1000) <= 0) {
            return;
        }
        ssize_t sent = write(terminal, data, bytes);
        if (sent <= 0) {
            return;
        }
        data += sent;
        bytes -= (size_t)sent;
    }
}

uint32_t mcuq_port_ticks(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * TICKS_HZ + (uint64_t)now.tv_nsec / (1000000000u / TICKS_HZ));
}

uint32_t mcuq_port_ticks_hz(void)
{
    return TICKS_HZ;
}

uint32_t mcuq_port_clock_hz(void)
{
    return 0;
}

uint32_t mcuq_port_stack_bytes(void)
{
    return 0;
}

uint32_t mcuq_port_stack_peak_bytes(void)
{
    return 0;
}

uint32_t mcuq_port_static_bytes(void)
{
    return 0;
}

bool mcuq_port_fault(uint32_t record[5])
{
    (void)record;
    return false;
}

/* The program replaces itself; the terminal stays open, so that a client keeps its connection. */
void mcuq_port_reset(void)
{
    char descriptor[16];
    snprintf(descriptor, sizeof descriptor, "%d", terminal);
    setenv(INHERITED, descriptor, 1);
    execl("/proc/self/exe", "mcuq-firmware", (char *)NULL);
    give_up("cannot start over");
}

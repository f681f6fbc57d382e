/*
 * Keeps the parts of a local stack running, as systemd would: opens each
 * program's listening socket and keeps it open, starts the parts in the
 * order of the list, restarts what dies, stops all in the reverse order.
 *
 *   supervise DIR
 *
 * DIR/supervise.conf is the list; a line is a word and, after one blank, its
 * value to the end of the line:
 *
 *   service NAME     a part that runs until it is told to stop
 *   once NAME        runs to its end before the next part starts; when it
 *                    fails, so does the start
 *   exec FILE        what is run, and ...
 *   arg TEXT         ... its arguments, one a line
 *   env NAME=VALUE   its whole environment, one a line
 *   socket PATH      fd 0 is a listening unix socket; parts may share one
 *   user NAME        runs as this user
 *   stop SIGNAL      TERM (default), INT or QUIT
 *   tty yes          writes to our own output, not to DIR/logs/NAME.log
 *
 * Written for scripts: DIR/pids/NAME.pid, DIR/state ("ready" or the reason
 * why the start failed). DIR/hold/NAME, while it exists, keeps a dead
 * service from being restarted.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PARTS_MAX 64
#define ARGS_MAX  128
#define BACKLOG   4096 /* a full backlog is an instant 502 */

enum {
	TICK_MS = 50,
	STEADY_MS = 5000,       /* ran this long: the next restart is quick */
	BACKOFF_MAX_MS = 2000,
	DEATHS_MAX = 4,         /* of one service while the stack starts */
	STOP_MS = 5000          /* then SIGKILL */
};

struct part {
	const char *name, *user, *socket_path;
	bool once, tty;
	int stop_signal;
	int fd;                 /* listening socket, -1: none */
	char *argv[ARGS_MAX + 1], *env[ARGS_MAX + 1];
	int argc, envc;
	pid_t pid;              /* 0: not running */
	bool wanted, stopping;
	int status;             /* of the last end */
	int deaths;
	long long started_ms, next_ms, kill_ms, delay_ms;
};

static struct part parts[PARTS_MAX];
static int nparts;
static const char *dir;
static pid_t parent;
static bool ready;

static long long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

__attribute__((format(printf, 1, 2))) static void
say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("supervise: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
}

/* DIR/FOLDER/NAME.END; ends the process where it does not fit. */
static const char *
path_of(char ret[static PATH_MAX], const char *folder, const char *name,
    const char *end)
{
	if (snprintf(ret, PATH_MAX, "%s/%s%s%s%s", dir, folder,
	    *folder ? "/" : "", name, end) >= PATH_MAX) {
		say("path is too long: %s", dir);
		exit(1);
	}
	return ret;
}

/* Whole or not at all: a reader never sees half of it. */
static void
file_write(const char *path, const char *text)
{
	char tmp[PATH_MAX + 8];
	FILE *f;

	snprintf(tmp, sizeof(tmp), "%s.new", path);
	f = fopen(tmp, "we");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0 ||
	    rename(tmp, path) != 0)
		say("%s: %s", path, strerrordesc_np(errno));
}

static void
state_write(const char *text)
{
	char path[PATH_MAX];

	file_write(path_of(path, "", "state", ""), text);
}

/* --- the list ---------------------------------------------------------- */

static int
signal_named(const char *name)
{
	if (strcmp(name, "TERM") == 0)
		return SIGTERM;
	if (strcmp(name, "INT") == 0)
		return SIGINT;
	if (strcmp(name, "QUIT") == 0)
		return SIGQUIT;
	return -1;
}

static bool
part_line(const char *word, char *value)
{
	struct part *p = nparts > 0 ? &parts[nparts - 1] : NULL;

	if (strcmp(word, "service") == 0 || strcmp(word, "once") == 0) {
		if (nparts == PARTS_MAX)
			return false;
		p = &parts[nparts++];
		p->name = value;
		p->once = *word == 'o';
		p->stop_signal = SIGTERM;
		p->fd = -1;
		return true;
	}
	if (p == NULL)
		return false;
	if (strcmp(word, "exec") == 0 || strcmp(word, "arg") == 0) {
		if (p->argc == ARGS_MAX || (*word == 'e') != (p->argc == 0))
			return false;
		p->argv[p->argc++] = value;
	} else if (strcmp(word, "env") == 0) {
		if (p->envc == ARGS_MAX)
			return false;
		p->env[p->envc++] = value;
	} else if (strcmp(word, "socket") == 0)
		p->socket_path = value;
	else if (strcmp(word, "user") == 0)
		p->user = value;
	else if (strcmp(word, "tty") == 0)
		p->tty = strcmp(value, "yes") == 0;
	else if (strcmp(word, "stop") == 0)
		return (p->stop_signal = signal_named(value)) > 0;
	else
		return false;
	return true;
}

static bool
list_read(void)
{
	char path[PATH_MAX], *line, *value;
	size_t size;
	ssize_t len;
	FILE *f;
	int n = 0;

	f = fopen(path_of(path, "", "supervise.conf", ""), "re");
	if (f == NULL) {
		say("%s: %s", path, strerrordesc_np(errno));
		return false;
	}
	for (;;) {
		line = NULL; /* the parts keep their lines */
		size = 0;
		n++;
		if ((len = getline(&line, &size, f)) < 0)
			break;
		while (len > 0 && isspace((unsigned char)line[len - 1]))
			line[--len] = '\0';
		if (*line == '\0' || *line == '#')
			continue;
		value = strchr(line, ' ');
		if (value != NULL)
			*value++ = '\0';
		if (value == NULL || !part_line(line, value)) {
			say("%s:%d: cannot use \"%s\"", path, n, line);
			fclose(f);
			return false;
		}
	}
	free(line);
	fclose(f);
	return true;
}

/* --- sockets ----------------------------------------------------------- */

static bool
sockets_open(void)
{
	for (int i = 0; i < nparts; i++) {
		struct sockaddr_un sa = { .sun_family = AF_UNIX };
		struct part *p = &parts[i];

		if (p->socket_path == NULL)
			continue;
		for (int k = 0; k < i; k++)
			if (parts[k].socket_path != NULL && strcmp(
			    parts[k].socket_path, p->socket_path) == 0)
				p->fd = parts[k].fd;
		if (p->fd >= 0)
			continue;
		if (strlen(p->socket_path) >= sizeof(sa.sun_path)) {
			say("%s: longer than a socket's path may be (%zu)",
			    p->socket_path, sizeof(sa.sun_path) - 1);
			return false;
		}
		memcpy(sa.sun_path, p->socket_path, strlen(p->socket_path));
		unlink(p->socket_path);
		p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (p->fd < 0 ||
		    bind(p->fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
		    listen(p->fd, BACKLOG) != 0) {
			say("%s: %s", p->socket_path, strerrordesc_np(errno));
			return false;
		}
	}
	return true;
}

/* --- one part ---------------------------------------------------------- */

/* In the child: anything that fails is told on its log. */
__attribute__((noreturn)) static void
part_become(struct part *p, int log_fd)
{
	const struct passwd *pw;
	sigset_t none;
	int in;

	setsid(); /* the terminal's Ctrl-C is ours to hand on */
	if (log_fd >= 0) {
		dup2(log_fd, STDOUT_FILENO);
		dup2(log_fd, STDERR_FILENO);
	}
	in = p->fd >= 0 ? p->fd : open("/dev/null", O_RDONLY);
	dup2(in, STDIN_FILENO);
	if (p->user != NULL) {
		pw = getpwnam(p->user);
		if (pw == NULL || initgroups(p->user, pw->pw_gid) != 0 ||
		    setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0) {
			say("cannot become %s", p->user);
			_exit(127);
		}
	}
	/* After setuid, which forgets it. We may have died before. */
	prctl(PR_SET_PDEATHSIG, p->stop_signal);
	if (getppid() != parent)
		_exit(127);
	close_range(3, ~0U, 0);
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(p->argv[0], p->argv, p->env);
	say("%s: %s", p->argv[0], strerrordesc_np(errno));
	_exit(127);
}

static void
part_start(struct part *p)
{
	char path[PATH_MAX], text[32];
	int log_fd = -1;

	p->started_ms = now_ms();
	if (!p->tty)
		log_fd = open(path_of(path, "logs", p->name, ".log"),
		    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	p->pid = fork();
	if (p->pid == 0)
		part_become(p, log_fd);
	if (log_fd >= 0)
		close(log_fd);
	if (p->pid < 0) { /* no memory, no process: the backoff tries again */
		say("%s: fork: %s", p->name, strerrordesc_np(errno));
		p->pid = 0;
		p->next_ms = now_ms() + BACKOFF_MAX_MS;
		return;
	}
	snprintf(text, sizeof(text), "%d\n", (int)p->pid);
	file_write(path_of(path, "pids", p->name, ".pid"), text);
}

static bool
part_is_held(const struct part *p)
{
	char path[PATH_MAX];

	return access(path_of(path, "hold", p->name, ""), F_OK) == 0;
}

static void
part_ended(struct part *p, int status)
{
	char path[PATH_MAX];
	long long ran_ms = now_ms() - p->started_ms;

	kill(-p->pid, SIGKILL); /* what is left of it: it may hold a port */
	unlink(path_of(path, "pids", p->name, ".pid"));
	p->pid = 0;
	p->status = status;
	if (p->once || p->stopping)
		return;
	if (WIFSIGNALED(status))
		say("%s ended by signal %d", p->name, WTERMSIG(status));
	else
		say("%s ended with %d", p->name, WEXITSTATUS(status));
	p->deaths++;
	if (ran_ms >= STEADY_MS)
		p->delay_ms = 0;
	p->next_ms = now_ms() + p->delay_ms;
	p->delay_ms = p->delay_ms == 0 ? 100 : p->delay_ms * 2;
	if (p->delay_ms > BACKOFF_MAX_MS)
		p->delay_ms = BACKOFF_MAX_MS;
}

static void
reap(void)
{
	pid_t pid;
	int status;

	/* Orphans of our children come to us as well and only need this. */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < nparts; i++)
			if (parts[i].pid == pid)
				part_ended(&parts[i], status);
}

/* --- all parts --------------------------------------------------------- */

/* Waits a tick or for a signal. True: it is time to stop. */
static bool
wait_tick(const sigset_t *set)
{
	struct timespec tick = { 0, TICK_MS * 1000000L };
	int sig = sigtimedwait(set, NULL, &tick);

	reap();
	return sig > 0 && sig != SIGCHLD;
}

/* The last line of a part's log, for the reason of a failed start. */
static void
fail_start(const struct part *p, const char *what)
{
	char path[PATH_MAX], line[2048], last[2048] = "",
	    text[PATH_MAX + 4200];
	FILE *f = fopen(path_of(path, "logs", p->name, ".log"), "re");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (*line != '\n')
			memcpy(last, line, sizeof(last));
	if (f != NULL)
		fclose(f);
	last[strcspn(last, "\n")] = '\0';
	if (strstr(last, "(log: ") != NULL) /* it names a better one */
		snprintf(text, sizeof(text), "failed %s%s: %s\n", p->name,
		    what, last);
	else
		snprintf(text, sizeof(text), "failed %s%s: %s (log: %s)\n",
		    p->name, what, last, path);
	say("%s", text + strlen("failed "));
	state_write(text);
}

/* One look at everything: starts what is due. False: the start failed. */
static bool
round_once(int *next)
{
	while (*next < nparts) {
		struct part *p = &parts[*next];

		if (!p->wanted) {
			p->wanted = true;
			part_start(p);
		}
		if (p->once && p->pid != 0)
			break;
		if (p->once && p->status != 0) {
			fail_start(p, "");
			return false;
		}
		++*next;
	}
	for (int i = 0; i < nparts; i++) {
		struct part *p = &parts[i];

		if (p->once || !p->wanted || p->pid != 0)
			continue;
		if (!ready && p->deaths >= DEATHS_MAX) {
			fail_start(p, " does not stay up");
			return false;
		}
		if (now_ms() >= p->next_ms && !part_is_held(p))
			part_start(p);
	}
	if (*next == nparts && !ready) {
		ready = true;
		state_write("ready\n");
	}
	return true;
}

static long long stop_began_ms;

/* Asks parts [from, to) to end, waits, then insists. */
static void
stop_range(const sigset_t *set, int from, int to, bool *hurry)
{
	long long limit_ms = now_ms() + STOP_MS;
	bool alive, killed = false;
	int i;

	for (i = from; i < to; i++) {
		parts[i].stopping = true;
		if (parts[i].pid != 0) {
			kill(parts[i].pid, parts[i].stop_signal);
			kill(parts[i].pid, SIGCONT); /* a test may have
			                                stopped it */
		}
	}
	for (;;) {
		alive = false;
		for (i = from; i < to; i++)
			alive |= parts[i].pid != 0;
		if (!alive)
			return;
		if (!killed && (*hurry || now_ms() >= limit_ms)) {
			killed = true;
			for (i = from; i < to; i++)
				if (parts[i].pid != 0) {
					say("%s does not stop: killed",
					    parts[i].name);
					kill(-parts[i].pid, SIGKILL);
				}
		}
		/* Asked twice. Not by the second signal of one Ctrl-C or one
		 * kill, which reaches us by our group and by make's death. */
		if (wait_tick(set) && now_ms() - stop_began_ms > 1000)
			*hurry = true;
	}
}

/* Whoever is still below us: orphans of parts that were killed. */
static void
sweep(void)
{
	char path[64];
	FILE *f;
	int pid;

	for (int turn = 0; turn < 100; turn++) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/children",
		    (int)getpid());
		f = fopen(path, "re");
		while (f != NULL && fscanf(f, "%d", &pid) == 1)
			kill(pid, turn < 20 ? SIGTERM : SIGKILL);
		if (f != NULL)
			fclose(f);
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			return;
		usleep(TICK_MS * 1000);
	}
}

/* The programs end together, while nginx, database and Graph still answer;
 * then the others, the last started first. */
static void
stop_all(const sigset_t *set)
{
	bool hurry = false;
	int last = nparts, first;

	stop_began_ms = now_ms();
	while (last > 0) {
		first = last - 1;
		while (parts[first].socket_path != NULL && first > 0 &&
		    parts[first - 1].socket_path != NULL)
			first--;
		stop_range(set, first, last, &hurry);
		last = first;
	}
	sweep();
	for (int i = 0; i < nparts; i++)
		if (parts[i].socket_path != NULL)
			unlink(parts[i].socket_path);
}

static bool
is_there(pid_t pid)
{
	return kill(pid, 0) == 0 || errno == EPERM;
}

int
main(int argc, char **argv)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
	struct rlimit files;
	char path[PATH_MAX], text[32];
	pid_t starter = getppid(), session = 0;
	sigset_t set;
	bool good, is_foreground;
	int next = 0;

	if (argc != 2) {
		fputs("usage: supervise DIR\n", stderr);
		return 2;
	}
	dir = argv[1];
	parent = getpid();
	umask(077);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		sigaddset(&set, signals[i]);
		signal(signals[i], SIG_DFL); /* a shell may ignore them */
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* With STACK_FOREGROUND we end with whoever started us, also when that
	 * one is killed, and with its session: `su -c` opens one, and ends of it
	 * on Ctrl-C only the shell. In the background we outlive `up`. */
	is_foreground = getenv("STACK_FOREGROUND") != NULL;
	if (is_foreground) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != starter)
			return 1;
		if (is_there(getsid(0)))
			session = getsid(0);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* 5,000 waiting requests need as many files. */
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
	setrlimit(RLIMIT_NOFILE, &files);
	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	file_write(path_of(path, "pids", "supervisor", ".pid"), text);

	good = list_read() && sockets_open();
	if (!good)
		state_write("failed the supervisor cannot start (see its log)\n");
	while (good && (good = round_once(&next)))
		if (wait_tick(&set) || (session > 0 && !is_there(session)) ||
		    access(dir, F_OK) != 0) /* nobody can stop us any more */
			break;
	if (is_foreground && ready)
		say("stopping");
	stop_all(&set);
	if (is_foreground && ready)
		say("stopped");
	unlink(path);
	return good ? 0 : 1;
}

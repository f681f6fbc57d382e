/*
 * A PostgreSQL for one test program: made and started in a folder under /tmp,
 * reachable by a unix socket only, gone at the end. Each test includes it
 * whole, after base/db.c.
 */
#ifndef UNIT_POSTGRES_PEER_H
#define UNIT_POSTGRES_PEER_H

#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_db.XXXXXX";
static char bin[256], data[64], url[128];
static pid_t server;

/* The child dies with us. PostgreSQL refuses to run as root. */
static pid_t
spawn(const char *program, const char *const *args)
{
	const char *argv[24] = { "setpriv", "--reuid=postgres",
		"--regid=postgres", "--clear-groups", "--pdeathsig=QUIT" };
	char path[300];
	int n = geteuid() == 0 ? 5 : 0, fd;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", bin, program);
	argv[n++] = path;
	for (; *args; args++)
		argv[n++] = *args;
	pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	fd = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, 1);
	dup2(fd, 2);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static void
start_server(void)
{
	const char *const args[] = { "-D", data, "-k", folder, "-c",
		"listen_addresses=", "-c", "fsync=off", "-c",
		"max_connections=20", NULL };
	int i;

	server = spawn("postgres", args);
	for (i = 0; i < 200 && PQping(url) != PQPING_OK; i++)
		usleep(50000);
	assert_int_equal(PQping(url), PQPING_OK);
}

static void
stop_server(int with)
{
	kill(server, with);
	waitpid(server, NULL, 0);
	server = 0;
}

static int
make_server(void **state)
{
	const char *const args[] = { "-D", data, "-U", "postgres", "-A",
		"trust", "-E", "UTF8", "--locale=C", "-N", NULL };
	struct passwd *who = getpwnam("postgres");
	glob_t found;
	int status;

	(void)state;
	if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) != 0)
		return -1;
	snprintf(bin, sizeof(bin), "%s", found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
	if (!mkdtemp(folder) || chdir(folder) != 0)
		return -1;
	if (geteuid() == 0 && chown(folder, who->pw_uid, who->pw_gid) != 0)
		return -1;
	snprintf(data, sizeof(data), "%s/data", folder);
	snprintf(
	    url, sizeof(url), "host=%s user=postgres dbname=postgres", folder);
	waitpid(spawn("initdb", args), &status, 0);
	if (status != 0)
		return -1;
	start_server();
	return 0;
}

static int
unlink_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
drop_server(void **state)
{
	(void)state;
	if (server)
		stop_server(SIGQUIT);
	return nftw(folder, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif

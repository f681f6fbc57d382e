# Builds Presence Sync: the C programs, the served pages, and their tests.
#
#   make            programs and pages, under build/
#   make run        the whole product on this machine; Ctrl-C stops it
#   make check      installs what is missing, builds, runs every test
#                   SAN=address,undefined or SAN=thread: with sanitizers
#                   T="http/20 unit": only these tests; N=1: one at a time
#   make lint       the rules of the house, and a build with -Werror
#   make bench      how fast it is, beside what it could be; QUICK=1: in short
#   make bench-growth   how the cost grows with what the database holds
#   make bench-hour     does vacuum keep up with an hour of events
#   make fuzz       every fuzzer for FUZZ_S seconds (30)
#   make format     clang-format over the C files
#   make install    DESTDIR= PREFIX=/usr/local SYSCONFDIR=/etc

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= /lib/systemd/system
SYSUSERSDIR ?= /usr/lib/sysusers.d
CFLAGS ?= -O2 -g
FUZZ_S ?= 30
T ?=
N ?=

.DEFAULT_GOAL := all
.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: all check run bench bench-growth bench-hour fuzz lint format install uninstall clean \
	build-check stack-tools npm-www npm-tests npm-bench FORCE

# --- where it goes --------------------------------------------------------

# A sanitizer changes every object, so each has a tree of its own.
comma := ,
SAN_NAME := $(subst $(comma),-,$(SAN))
B := build$(if $(SAN),/san-$(SAN_NAME))
WWW := build/www
CPUS := $(shell nproc 2>/dev/null || echo 1)

# --- flags ----------------------------------------------------------------

LIBS := libcurl json-c libpq openssl cjose fcgi libzip expat
PKG_CFLAGS = $(shell pkg-config --cflags $(LIBS))
PKG_LIBS = $(shell pkg-config --libs $(LIBS))

WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla $(if $(WERROR),-Werror)
# Fortified functions hide what a sanitizer wants to see.
HARDEN := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer \
	-fno-sanitize-recover=all,-fstack-protector-strong \
	$(if $(filter -O%,$(filter-out -O0,$(CFLAGS))),-D_FORTIFY_SOURCE=2))
OUR_CFLAGS = -std=c11 -D_GNU_SOURCE -Ifcgi -pthread $(WARN) $(HARDEN) \
	$(PKG_CFLAGS)
OUR_LDFLAGS = -pthread $(if $(SAN),-fsanitize=$(SAN)) \
	-Wl,-z,relro,-z,now -Wl,--as-needed
COMPILE = $(CC) $(CPPFLAGS) $(CFLAGS) $(OUR_CFLAGS) -MMD -MP
LINK = $(CC) $(CFLAGS) $(LDFLAGS) $(OUR_LDFLAGS)

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || \
	cat VERSION 2>/dev/null || echo unknown)

# --- what there is --------------------------------------------------------

MAINS := $(wildcard fcgi/app/main_*.c)
LIB_SRC := $(filter-out $(MAINS),$(wildcard \
	fcgi/base/*.c fcgi/web/*.c fcgi/pbx/*.c fcgi/sync/*.c fcgi/app/*.c))
UNIT_SRC := $(wildcard tests/unit/test_*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)

LIB_OBJ := $(LIB_SRC:%.c=$B/obj/%.o)
LIB := $B/libpresence.a
# main_ctl.c is the command presencectl, the others are presence-NAME.
program = $(if $(filter ctl,$1),presencectl,presence-$1)
NAMES := $(MAINS:fcgi/app/main_%.c=%)
PROGRAMS := $(foreach n,$(NAMES),$B/bin/$(call program,$n))
UNITS := $(UNIT_SRC:tests/unit/%.c=$B/tests/%)
REPLAYS := $(FUZZ_SRC:tests/fuzz/%.c=$B/tests/%)
FUZZERS := $(FUZZ_SRC:tests/fuzz/%.c=build/fuzz/bin/%)
SUPERVISE := build/bin/supervise
CLOCKWAIT := build/bin/clockwait.so

all: $(PROGRAMS) $(WWW)/.built

# --- C --------------------------------------------------------------------

# Rebuilds everything when the flags change; -Werror changes no object.
$B/flags: FORCE
	@mkdir -p $(@D)
	@command -v pkg-config >/dev/null && pkg-config --exists $(LIBS) || { \
	  echo "make: libraries are missing; tests/setup installs them" >&2; \
	  exit 1; }
	@printf '%s\n' "$(CC) $(filter-out -Werror,$(CPPFLAGS) $(CFLAGS) \
	$(OUR_CFLAGS))" | cmp -s - $@ || printf '%s\n' \
	"$(CC) $(filter-out -Werror,$(CPPFLAGS) $(CFLAGS) $(OUR_CFLAGS))" >$@

$B/version: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(VERSION)' | cmp -s - $@ || \
	printf '%s\n' '$(VERSION)' >$@

$B/obj/fcgi/app/main_%.o: fcgi/app/main_%.c $B/flags $B/version
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(COMPILE) -DPRESENCE_VERSION='"$(VERSION)"' -c -o $@ $<

$B/obj/%.o: %.c $B/flags
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(COMPILE) -c -o $@ $<

$(LIB): $(LIB_OBJ)
	@echo "  AR    $@"
	@rm -f $@
	@$(AR) rcs $@ $^

# presencectl carries the SQL files, so that command and schema fit.
SQL_SRC := $(wildcard sql/*.sql sql/api/*.sql)
$B/sql_files.c: sql/embed.sh $(SQL_SRC)
	@mkdir -p $(@D)
	@sh sql/embed.sh sql >$@
$B/obj/sql_files.o: $B/sql_files.c $B/flags
	@mkdir -p $(@D)
	@$(COMPILE) -c -o $@ $<
$B/bin/presencectl: $B/obj/sql_files.o

# The Teams app package's parts are assembled in; the compiler cannot tell.
$B/obj/fcgi/app/teams_files.o: $(wildcard www/teams/*.png www/teams/*.json)

define PROGRAM_RULE
$B/bin/$(call program,$1): $B/obj/fcgi/app/main_$1.o $(LIB)
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	@$$(LINK) -o $$@ $$^ $$(PKG_LIBS)
endef
$(foreach n,$(NAMES),$(eval $(call PROGRAM_RULE,$n)))

# A unit test includes the .c that it tests. The linker then takes nothing
# from that file's member of the library, since all its names are known.
$B/tests/test_%: $B/obj/tests/unit/test_%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(LINK) -o $@ $^ $(PKG_LIBS) -lcmocka

# With the plain compiler a fuzzer replays its corpus.
$B/tests/fuzz_%: $B/obj/tests/fuzz/fuzz_%.o $B/obj/tests/fuzz/replay.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(LINK) -o $@ $^ $(PKG_LIBS)

$(SUPERVISE): tests/stack/supervise.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS) -std=c11 -D_GNU_SOURCE $(WARN) -o $@ $<

$(CLOCKWAIT): tests/stack/clockwait.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS) -std=c11 -D_GNU_SOURCE $(WARN) -shared -fPIC -o $@ $<

# The benchmark's own programs; the load generator is the tests' as well.
LOAD := $B/tests/load
$(LOAD): $(patsubst %,$B/obj/tests/bench/%.o,load plan tally wire)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(LINK) -o $@ $^ -lcrypto -lm
GRAPH := $B/tests/graph
$(GRAPH): $(patsubst %,$B/obj/tests/bench/%.o,graph graph_http graph_count)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(LINK) -o $@ $^ -lnghttp2 -lssl -lcrypto

.SECONDARY:
-include $(shell find $B/obj -name '*.d' 2>/dev/null)

# --- pages and npm --------------------------------------------------------

NPM_CI = npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
# npm ci only when the lock file changed.
define npm_ci
	@cmp -s $1/package-lock.json $1/node_modules/.lock || { \
	  echo "  NPM   $1"; log=build/npm-$(subst /,-,$1).log; \
	  command -v npm >/dev/null || { \
	    echo "make: npm is missing; tests/setup installs it" >&2; exit 1; }; \
	  (cd $1 && $(NPM_CI)) >$$log 2>&1 || { cat $$log >&2; \
	    echo "make: npm ci failed in $1/: is the npm registry reachable?" >&2; \
	    exit 1; }; \
	  cp $1/package-lock.json $1/node_modules/.lock; }
endef

npm-www:
	@mkdir -p build
	$(if $(wildcard www/package-lock.json),$(call npm_ci,www))

npm-tests:
	@mkdir -p build
	$(if $(wildcard tests/package-lock.json),$(call npm_ci,tests))

npm-bench:
	@mkdir -p build
	$(call npm_ci,tests/bench/node)

WWW_SRC := $(shell find www docs/pbx -type f -not -path '*/node_modules/*' 2>/dev/null)
$(WWW)/.built: $(WWW_SRC) | npm-www
	@mkdir -p $(@D)
	@echo "  WWW   $(@D)"
	@node www/build.mjs build/www.new && rm -rf $(WWW) && mv build/www.new $(WWW)
	@touch $@

# --- run and check --------------------------------------------------------

stack-tools: $(SUPERVISE) $(CLOCKWAIT) npm-tests

run:
	@tests/setup run
	@$(MAKE) --no-print-directory -j$(CPUS) all stack-tools
	@exec tests/stack/run

build-check: all stack-tools $(UNITS) $(REPLAYS) $(LOAD)

check:
	@tests/setup check
	@$(MAKE) --no-print-directory -j$(CPUS) build-check
	@BUILD=$B SAN=$(SAN) tests/run $(if $N,-n $N) $T

# About 13 minutes on a quiet machine; QUICK=1: 2.
bench:
	@tests/setup bench
	@$(MAKE) --no-print-directory -j$(CPUS) all stack-tools npm-bench \
	  $(LOAD) $(GRAPH)
	@QUICK=$(QUICK) tests/bench/run

# How the cost grows with what the database holds: about 6 minutes.
bench-growth:
	@tests/setup bench
	@$(MAKE) --no-print-directory -j$(CPUS) all stack-tools npm-bench
	@tests/bench/run growth

# MINUTES=60 RATE=300
bench-hour:
	@tests/setup bench
	@$(MAKE) --no-print-directory -j$(CPUS) all stack-tools npm-bench \
	  $(LOAD) $(GRAPH)
	@tests/bench/run hour

lint:
	@tests/setup check
	@$(MAKE) --no-print-directory -j$(CPUS) WERROR=1 B=build/lint build-check
	@BUILD=build/lint TIDY=1 tests/run lint

format:
	clang-format -i $(wildcard fcgi/*/*.[ch] tests/*/*.[ch])

# --- fuzz (clang's libFuzzer) ---------------------------------------------

build/fuzz/bin/%: build/fuzz/obj/tests/fuzz/%.o build/fuzz/libpresence.a
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(LINK) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS)

# New inputs are kept under build/, so that what goes into the corpus is chosen.
fuzz:
	@tests/setup fuzz
	@$(MAKE) --no-print-directory -j$(CPUS) B=build/fuzz CC=clang \
	  SAN=fuzzer-no-link,address,undefined $(FUZZERS)
	@for f in $(FUZZERS); do n=$${f##*/fuzz_}; mkdir -p build/fuzz/found/$$n; \
	  $$f -max_total_time=$(FUZZ_S) -timeout=5 -rss_limit_mb=1024 \
	    -print_final_stats=1 -artifact_prefix=build/fuzz/crash-$$n- \
	    build/fuzz/found/$$n $$(ls -d tests/fuzz/corpus/$$n 2>/dev/null) \
	    >build/fuzz/$$n.log 2>&1 || { tail -n 40 build/fuzz/$$n.log; \
	      echo "make: fuzz_$$n found a fault; the input is build/fuzz/crash-$$n-*"; \
	      exit 1; }; \
	  echo "fuzz $$n: $$(sed -n 's/^stat::number_of_executed_units: *//p' \
	    build/fuzz/$$n.log) inputs in $(FUZZ_S) s"; \
	done

# --- install --------------------------------------------------------------

BINDIR = $(DESTDIR)$(PREFIX)/bin
SHAREDIR = $(DESTDIR)$(PREFIX)/share/presence
NGINXDIR = $(DESTDIR)$(SYSCONFDIR)/nginx/presence
# What names the operator's machine is never written over.
NGINX_OWN := nginx/listen.conf nginx/site.conf
NGINX_OURS := $(filter-out $(NGINX_OWN),$(wildcard nginx/*.conf))
UNIT_FILES := $(wildcard fcgi/units/*.service fcgi/units/*.socket \
	fcgi/units/*.target)
# Texts that name paths, with the paths of this installation.
install_text = sed -e 's,/usr/local/,$(PREFIX)/,g' \
	-e 's,/etc/,$(SYSCONFDIR)/,g' $1 | \
	install -m $3 /dev/stdin $2 || exit 1

install: all
	install -d $(BINDIR) $(SHAREDIR) $(NGINXDIR) \
	  $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSCONFDIR)/presence
	install -m 755 $(PROGRAMS) $(BINDIR)
	rm -rf $(SHAREDIR)/www.new
	cp -R $(WWW) $(SHAREDIR)/www.new
	rm -f $(SHAREDIR)/www.new/.built
	chmod -R u=rwX,go=rX $(SHAREDIR)/www.new
	rm -rf $(SHAREDIR)/www && mv $(SHAREDIR)/www.new $(SHAREDIR)/www
	for f in $(NGINX_OURS); do \
	  $(call install_text,$$f,$(NGINXDIR)/$${f##*/},644); done
	for f in $(NGINX_OWN); do [ -e $(NGINXDIR)/$${f##*/} ] || \
	  $(call install_text,$$f,$(NGINXDIR)/$${f##*/},644); done
	for f in $(UNIT_FILES); do \
	  $(call install_text,$$f,$(DESTDIR)$(UNITDIR)/$${f##*/},644); done
	install -D -m 644 fcgi/units/presence.sysusers \
	  $(DESTDIR)$(SYSUSERSDIR)/presence.conf
	[ -e $(DESTDIR)$(SYSCONFDIR)/presence/presence.env ] || \
	  $(call install_text,fcgi/units/presence.env,\
	  $(DESTDIR)$(SYSCONFDIR)/presence/presence.env,640)

# Settings, certificates and the operator's nginx files stay.
uninstall:
	for p in $(notdir $(PROGRAMS)); do rm -f $(BINDIR)/$$p; done
	rm -rf $(SHAREDIR)
	for f in $(notdir $(NGINX_OURS)); do rm -f $(NGINXDIR)/$$f; done
	for f in $(notdir $(UNIT_FILES)); do \
	  rm -f $(DESTDIR)$(UNITDIR)/$$f; done
	rm -f $(DESTDIR)$(SYSUSERSDIR)/presence.conf

clean:
	rm -rf build www/node_modules tests/node_modules tests/bench/node/node_modules

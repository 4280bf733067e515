# kiro-fcgi: everything is built, tested, shown and installed from here.
#
#   make            build the three programs into build/
#   make check      all tests            make demo       see the main job working
#   make fuzz       FUZZ_TIME=seconds FUZZ_TARGETS="some": tests/fuzz/README.md
#   make bench      what it costs, BENCH_TIME=seconds a row; make bench-counts: instructions
#   make crash      10,000 killed programs: minutes
#   make soak       500 clients and everything that can go wrong, SOAK_TIME=seconds: tests/soak/README.md
#   make install    PREFIX=/usr/local DESTDIR=           make uninstall
#   make deb        the Debian package, into build/      make dist       for shared hosts
#   make check-hosting   installs that package into clean systems, tests every mode there (root)
#   make lint       clang-format, cppcheck               make format
#   SAN=address,undefined   as a knob on any of them, in a build folder of its own
#   V=1                     shows the commands

PREFIX     ?= /usr/local
DESTDIR    ?=
LIBEXECDIR ?= $(PREFIX)/lib/kiro-fcgi
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/kiro-fcgi
DATADIR    ?= $(PREFIX)/share/kiro-fcgi
BASHDIR    ?= $(PREFIX)/share/bash-completion/completions

CC     ?= gcc
SAN    ?=
BUILD  := build$(if $(FUZZ),/fuzz,$(if $(SAN),/$(if $(findstring thread,$(SAN)),tsan,san)))

PACKAGES     := libcurl libcjson libjwt libssl libcrypto zlib
TEST_LIBS    := -lcunit

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
            -Wformat=2 -Wvla $(if $(CI),-Werror)
ifdef FUZZ # another compiler, with other opinions
WARNINGS := -Wall
endif
# UBSan would only print, and go on.
SANITIZE := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=undefined)
# Hidden: a library that a library of ours uses (jansson) has functions of the same names.
HARDEN   := -fvisibility=hidden -fstack-protector-strong -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=2)
OPT      ?= -O2 -g
CFLAGS_ALL   = -std=gnu11 $(OPT) $(WARNINGS) $(HARDEN) $(SANITIZE) $(if $(SAN),-fno-omit-frame-pointer) \
               -I. $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null) $(CFLAGS)
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now $(SANITIZE) $(LDFLAGS)
CTL_LIBS     = $(shell pkg-config --libs sqlite3 2>/dev/null)
LIBS         = -lgdbm -lcrypt $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lm -lpthread
FCGI_LIBS   := -lfcgi

Q := $(if $(V),,@)

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))

COMMON   := $(call objects,$(wildcard common/*.c))
FCGI     := $(call objects,$(filter-out fcgi/main.c,$(wildcard fcgi/*.c))) $(BUILD)/panel/assets.o
CTL      := $(call objects,$(filter-out cli/refresh.c,$(wildcard cli/*.c)))
REFRESH  := $(call objects,cli/refresh.c)
UNIT     := $(call objects,$(wildcard tests/unit/*.c))
STANDIN  := $(call objects,$(wildcard tests/upstream/*.c))
CRASH    := $(call objects,tests/crash/crash.c)
HERD     := $(call objects,tests/crash/herd.c)
BENCH    := $(addprefix $(BUILD)/tests/bench-,micro load source passthrough)
MICRO    := $(call objects,$(wildcard tests/bench/micro*.c))
LIBFUZZER := $(call objects,$(addprefix tests/fuzz/,libfuzzer.c mutate.c))
TARGETS  := $(call objects,$(filter-out %/libfuzzer.c %/mutate.c %/replay.c,$(wildcard tests/fuzz/*.c)))

PROGRAMS := $(BUILD)/kiro.fcgi $(BUILD)/kiroctl $(BUILD)/kiro-refresh
TESTERS  := $(BUILD)/tests/unit-tests $(BUILD)/tests/upstream-standin $(BUILD)/tests/fuzz-replay \
            $(BUILD)/tests/crash-tests $(BUILD)/tests/herd $(BUILD)/tests/faults.so \
            $(BUILD)/tests/census.so

.PHONY: all bench bench-counts check crash fuzz soak demo install uninstall clean format lint deps testers
.PHONY: deb dist check-hosting
.PHONY: check-layers check-example check-unit check-crash check-cases check-cli check-web check-clients

all: $(PROGRAMS) $(BUILD)/man/kiro.json.5

testers: $(TESTERS)

$(BUILD)/kiro.fcgi: $(COMMON) $(FCGI) $(call objects,fcgi/main.c)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(FCGI_LIBS) $(LIBS)

$(BUILD)/kiroctl: $(COMMON) $(CTL)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(CTL_LIBS) $(LIBS)

$(BUILD)/kiro-refresh: $(COMMON) $(REFRESH)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# Everything but the main functions: the unit tests link the program's own objects.
$(BUILD)/tests/unit-tests: $(COMMON) $(FCGI) $(filter-out %/ctl.o,$(CTL)) $(UNIT)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(FCGI_LIBS) $(CTL_LIBS) $(LIBS) $(TEST_LIBS)

$(BUILD)/tests/crash-tests: $(COMMON) $(CRASH)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(BUILD)/tests/fuzz-replay: $(COMMON) $(FCGI) $(filter-out %/ctl.o,$(CTL)) $(TARGETS) \
                            $(call objects,tests/fuzz/replay.c)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(FCGI_LIBS) $(CTL_LIBS) $(LIBS)

$(BUILD)/tests/bench-micro: $(COMMON) $(FCGI) $(MICRO)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(FCGI_LIBS) $(LIBS)

$(addprefix $(BUILD)/tests/bench-,load source passthrough): \
$(BUILD)/tests/bench-%: $(call objects,common/base.c common/buf.c) $(BUILD)/tests/bench/%.o
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(FCGI_LIBS) $(LIBS)

# Of `make fuzz` only, which sets FUZZ, clang and what it instruments.
$(BUILD)/fuzz: $(COMMON) $(FCGI) $(filter-out %/ctl.o,$(CTL)) $(TARGETS) $(LIBFUZZER)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $^ $(FCGI_LIBS) $(CTL_LIBS) $(LIBS)

$(BUILD)/tests/herd: $(COMMON) $(HERD)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# For LD_PRELOAD.
$(BUILD)/tests/faults.so: tests/crash/faults.c Makefile
$(BUILD)/tests/census.so: tests/bench/census.c Makefile
$(BUILD)/tests/%.so:
	@mkdir -p $(@D)
	@echo "  LD  $@"
	$(Q)$(CC) -std=gnu11 -O2 $(WARNINGS) -shared -fPIC -o $@ $< -ldl

$(BUILD)/tests/upstream-standin: $(STANDIN)
	@echo "  LD  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# The admin panel: its files inside the program, plain and compressed.
CHART := /usr/share/javascript/chart.js/chart.min.js
PANEL := $(wildcard panel/*.html panel/*.css panel/*.js panel/*.svg) $(CHART) etc/openapi/admin.json

# Not there before the packages are: a fresh machine would know no rule for it.
$(CHART): | deps ;

$(BUILD)/panel/assets.c: panel/embed $(PANEL) | deps
	@mkdir -p $(@D)
	@echo "  GEN $@"
	$(Q)for file in $(PANEL); do gzip -9nc $$file >$(@D)/$$(basename $$file).gz || exit 1; done
	$(Q)GZ=$(@D) panel/embed $(PANEL) >$@.new && mv $@.new $@

$(BUILD)/panel/assets.o: $(BUILD)/panel/assets.c Makefile
	@echo "  CC  $<"
	$(Q)CCACHE_DISABLE=1 $(CC) $(CFLAGS_ALL) -c -o $@ $<

# Makefile: with other flags the old objects are no longer what the build says it is.
$(BUILD)/%.o: %.c Makefile | deps
	@mkdir -p $(@D)
	@echo "  CC  $<"
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d)

# Dependencies: found by their headers and pkg-config files, installed when root, else named.
deps:
	@etc/install-deps build

check: all testers
	@tests/run-all

# Each target for so many seconds; FUZZ_TARGETS names some of them. What is found lies in
# build/fuzz/found, the log in build/fuzz/log.
FUZZ_TIME ?= 60
fuzz: $(BUILD)/tests/fuzz-replay
	@etc/install-deps fuzz
	$(Q)$(MAKE) --no-print-directory FUZZ=1 CC=clang SAN=fuzzer-no-link,address,undefined \
	            OPT="-O1 -g" build/fuzz/fuzz
	@FUZZ_TIME=$(FUZZ_TIME) tests/fuzz/run $(FUZZ_TARGETS)

# The long run of the crash tests: 10,000 killed programs. KILLS=N for another number.
crash: all testers
	@KILLS=$${KILLS:-10000} HERD=64x16 tests/run-all crash

# Clients, faults and disturbances for SOAK_TIME seconds: tests/soak/README.md. SAN=... for the builds
# with sanitizers.
SOAK_TIME ?= 60
soak: all $(BUILD)/tests/upstream-standin
	@etc/install-deps check
	@BUILD=$(CURDIR)/$(BUILD) SOAK_TIME=$(SOAK_TIME) node tests/soak/run.mjs

# Beside `make check`: needs root, debootstrap and a mirror. The streams of five minutes' silence pass
# while the rest runs. SILENCE=seconds, 0 for none; MODE="Apache CGI" chooses.
check-hosting: deb dist $(BUILD)/tests/upstream-standin
	@etc/install-deps check-hosting
	cd tests/clients/claude-code && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	node --test --test-reporter=spec --test-concurrency=1 tests/package/*.test.mjs

# What it costs: tests/bench/README.md. BENCH_TIME seconds a row, SHORT=1 for a quick look.
bench: all $(BENCH) $(BUILD)/tests/upstream-standin
	@etc/install-deps check
	@node tests/bench/run.mjs

# Instructions of the hot path against tests/bench/counts; UPDATE=1 writes them anew.
bench-counts: $(BUILD)/tests/bench-micro
	@etc/install-deps bench
	@tests/bench/counts.sh

check-layers:
	tests/layers.sh
check-unit: $(BUILD)/tests/unit-tests
	$<

# The options' table of the manual page comes from the program itself.
$(BUILD)/man/kiro.json.5: man/kiro.json.5.in $(BUILD)/kiroctl
	@mkdir -p $(@D)
	$(Q)$(BUILD)/kiroctl config manual > $@.options
	$(Q)sed -e '/^@OPTIONS@/{r $@.options' -e 'd;}' $< > $@

demo: all $(BUILD)/tests/upstream-standin
	@etc/demo

# Files that name places are written for these ones.
PLACED = sed 's|/usr/local/lib/kiro-fcgi|@LIBEXECDIR@|g; s|/usr/local|$(PREFIX)|g; s|@LIBEXECDIR@|$(LIBEXECDIR)|g'

install: all
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/sbin" "$(DESTDIR)$(LIBEXECDIR)" \
	        "$(DESTDIR)$(DOCDIR)" "$(DESTDIR)$(BASHDIR)" "$(DESTDIR)$(DATADIR)/lighttpd" \
	        "$(DESTDIR)$(DATADIR)/apache" "$(DESTDIR)$(DATADIR)/systemd" \
	        "$(DESTDIR)$(DATADIR)/prometheus" "$(DESTDIR)$(DATADIR)/grafana" \
	        "$(DESTDIR)$(MANDIR)/man1" "$(DESTDIR)$(MANDIR)/man5" "$(DESTDIR)$(MANDIR)/man8"
	install -m 755 $(BUILD)/kiroctl "$(DESTDIR)$(PREFIX)/bin/kiroctl"
	install -m 755 $(BUILD)/kiro-refresh "$(DESTDIR)$(PREFIX)/sbin/kiro-refresh"
	install -m 755 $(BUILD)/kiro.fcgi "$(DESTDIR)$(LIBEXECDIR)/kiro.fcgi"
	ln -sf kiro.fcgi "$(DESTDIR)$(LIBEXECDIR)/kiro.cgi"
	install -m 644 *.md LICENSE etc/kiro.json.example "$(DESTDIR)$(DOCDIR)"
	for file in lighttpd/* apache/*; do \
		$(PLACED) $$file >"$(DESTDIR)$(DATADIR)/$$file" || exit 1; done
	for file in etc/*.service etc/*.socket etc/*.timer; do \
		$(PLACED) $$file >"$(DESTDIR)$(DATADIR)/systemd/$${file##*/}" || exit 1; done
	$(PLACED) etc/kiro.cron >"$(DESTDIR)$(DATADIR)/kiro.cron"
	install -m 644 etc/prometheus/* "$(DESTDIR)$(DATADIR)/prometheus"
	install -m 644 etc/grafana/* "$(DESTDIR)$(DATADIR)/grafana"
	$(BUILD)/kiroctl completion >"$(DESTDIR)$(BASHDIR)/kiroctl"
	install -m 644 man/*.1 "$(DESTDIR)$(MANDIR)/man1"
	install -m 644 $(BUILD)/man/kiro.json.5 "$(DESTDIR)$(MANDIR)/man5"
	install -m 644 man/*.8 "$(DESTDIR)$(MANDIR)/man8"

# What stands in DATADIR, beside kiro.cron.
SHARED = $(wildcard lighttpd/* apache/*) $(patsubst etc/%,%,$(wildcard etc/prometheus/* etc/grafana/*)) \
         $(patsubst etc/%,systemd/%,$(wildcard etc/*.service etc/*.socket etc/*.timer))

# By name: other programs may have files in these directories, too.
uninstall:
	rm -f "$(DESTDIR)$(PREFIX)/bin/kiroctl" "$(DESTDIR)$(PREFIX)/sbin/kiro-refresh"
	rm -f "$(DESTDIR)$(BASHDIR)/kiroctl"
	rm -f "$(DESTDIR)$(LIBEXECDIR)/kiro.fcgi" "$(DESTDIR)$(LIBEXECDIR)/kiro.cgi"
	rm -f $(addprefix "$(DESTDIR)$(DOCDIR)/",$(wildcard *.md) LICENSE kiro.json.example)
	rm -f $(addprefix "$(DESTDIR)$(DATADIR)/",kiro.cron $(SHARED))
	rmdir $(addprefix "$(DESTDIR)$(DATADIR)/",$(sort $(dir $(SHARED)))) "$(DESTDIR)$(DATADIR)" \
	        "$(DESTDIR)$(DOCDIR)" "$(DESTDIR)$(LIBEXECDIR)" 2>/dev/null || true
	rm -f $(addprefix "$(DESTDIR)$(MANDIR)/man1/",$(notdir $(wildcard man/*.1)))
	rm -f "$(DESTDIR)$(MANDIR)/man5/kiro.json.5"
	rm -f $(addprefix "$(DESTDIR)$(MANDIR)/man8/",$(notdir $(wildcard man/*.8)))

# Debian packages are built in a copy: their rules clean and build for another PREFIX.
deb:
	@etc/install-deps package
	@etc/make-deb

dist: all
	@BUILD=$(BUILD) etc/make-dist

clean:
	rm -rf build

etc/kiro.json.example: $(BUILD)/kiroctl
	$(BUILD)/kiroctl config example > $@

SOURCES := $(wildcard common/*.[ch] fcgi/*.[ch] cli/*.[ch] tests/*/*.[ch])

format:
	clang-format -i $(SOURCES)

# varFuncNullUB: NULL is a pointer wherever this runs.
lint:
	@etc/install-deps lint
	clang-format --dry-run --Werror $(SOURCES)
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
	         --suppress=missingIncludeSystem --suppress=varFuncNullUB --error-exitcode=1 -I. common fcgi cli tests/upstream
	$(MAKE) --no-print-directory clean
	$(MAKE) --no-print-directory CI=1 all testers

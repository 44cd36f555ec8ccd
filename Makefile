# img-tools, for GNU make.  All output goes to $(B), which is build/ by default.
#
#   make            builds the commands and the helper
#   make dev        builds these and the test programs, with warnings as errors
#   make check      runs unit tests, fuzz corpora, bats and check-vm
#                   (T=name: one file, without check-vm; VM=: all without check-vm)
#   make check-vm   runs the tests on real LVM, in a virtual machine  (T=name: one file)
#   make asan       runs the unit tests and some of bats with the address and undefined sanitizers
#   make tsan       runs the tests with threads, and some of bats, with the thread sanitizer
#   make valgrind   runs the unit tests under memcheck                (T=name: one file)
#   make fuzz       runs libFuzzer, N executions for each target      (T=name: one target)
#   make soak       tries the whole of what the tests try a sample of; takes hours
#   make bench      measures, and compares with other programs        (T='remote local')
#   make bench-short          runs each part of bench once, without measuring
#   make lint, format         checks the sources; runs clang-format
#   make hdr-check            compiles each header alone
#   make demo                 copies an image to another host and back, to watch
#   make install, uninstall   DESTDIR= PREFIX=
#   make deps, test-deps      installs Debian packages for building; for the tests
#   make clean                removes $(B)

PREFIX   ?= /usr/local
DESTDIR  ?=
B        ?= build
CC       ?= cc
OPT      ?= -O2 -g -D_FORTIFY_SOURCE=2
SAN      ?=
STATIC   ?= -static-pie -Wl,-z,pack-relative-relocs
WERROR   ?=
N        ?= 100000
T        ?=
CLANG    ?= clang-19
CLANG_FORMAT ?= clang-format-19
VERSION  := 0.1.0
ARCH     := $(shell uname -m)

bindir     := $(PREFIX)/bin
libexecdir := $(PREFIX)/libexec/img-tools
mandir     := $(PREFIX)/share/man
docdir     := $(PREFIX)/share/doc/img-tools
unitdir    := $(PREFIX)/lib/systemd/system

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef
BASE_CFLAGS := -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DVERSION='"$(VERSION)"' \
	-I. -pthread -fPIE -fstack-protector-strong -ffunction-sections -fdata-sections \
	-fno-asynchronous-unwind-tables
ALL_CFLAGS = $(BASE_CFLAGS) $(WARN) $(OPT) $(SAN) $(CFLAGS)
ALL_LDFLAGS = -pthread $(SAN) -Wl,--gc-sections -Wl,-z,relro,-z,now $(LDFLAGS)

# Ranks 0 to 4 are all that the helper may use; the commands use everything.
HELPER_DIRS := lib/base lib/block lib/wire lib/lvm lib/format lib/host lib/fs lib/store lib/store/* lib/flow lib/op
CLIENT_DIRS := lib/ssh lib/peer lib/job lib/cli

HELPER_LIBS := -lblkid -ljansson -llzo2 -ldeflate -lxxhash -lzstd
CLIENT_LIBS := -lssh -lxml2 -lpopt
CLIENT_INC  := $(shell pkg-config --cflags libxml-2.0 2>/dev/null)

# The helper is sent to other hosts, and these parts of it mostly wait for storage and programs.
SIZE_OPT := $(if $(filter -O2,$(OPT)),-Os)

comma := ,
obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
HELPER_OBJ := $(call obj,$(wildcard $(addsuffix /*.c,$(HELPER_DIRS))))
FOR_SIZE := $(filter $(addprefix $(B)/obj/lib/,host/% lvm/% fs/% store/% op/%),$(HELPER_OBJ))
CLIENT_OBJ := $(call obj,$(wildcard $(addsuffix /*.c,$(CLIENT_DIRS))))
COMMANDS   := $(patsubst cmd/%.c,%,$(wildcard cmd/img-*.c))
UNIT       := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))
FUZZ       := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
HEADERS    := $(wildcard lib/*/*.h lib/*/*/*.h cmd/*.h remote-helpers/*.h tests/*/*.h)
UNITS      := img-watch@.service
MAN        := $(wildcard man/*.[157])
# A helper behind sshd gets none of our environment: its sanitizer options are linked in.
SAN_OBJ    := $(if $(SAN),$(B)/obj/tests/sanitizer.o)

HELPER := $(B)/libexec/img-tools/img-helper-$(ARCH)
PROGRAMS := $(addprefix $(B)/bin/,$(COMMANDS)) $(HELPER)

all: $(PROGRAMS)
ifneq ($(filter dev,$(MAKECMDGOALS)),)
WERROR := -Werror
endif
dev: all units

# What the objects were compiled with, and which there are: touched when that changes.
$(B)/flags: export TEXT = $(CC) $(ALL_CFLAGS) $(CPPFLAGS) $(CLIENT_INC) $(ALL_LDFLAGS) $(STATIC)
$(B)/sources: export TEXT = $(HELPER_OBJ) $(CLIENT_OBJ)
$(B)/flags $(B)/sources: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$TEXT" | cmp -s - $@ || printf '%s\n' "$$TEXT" >$@

# There while every object was compiled with WERROR, so that a warning that an
# earlier make let pass is an error in make dev, and nothing is compiled twice.
$(B)/strict: ; @mkdir -p $(@D) && touch $@

$(B)/obj/%.o: %.c $(B)/flags $(if $(WERROR),$(B)/strict)
	@mkdir -p $(@D)
	$(if $(WERROR),,@rm -f $(B)/strict)
	$(CC) $(ALL_CFLAGS) $(if $(filter $(FOR_SIZE),$@),$(SIZE_OPT)) $(WERROR) $(CPPFLAGS) $(CLIENT_INC) -MMD -MP -c -o $@ $<

$(B)/obj/tests/sanitizer.o: CPPFLAGS += -DSAN_LOG='"$(abspath $(B))/san"'

# One archive for each side, so that a helper that needs rank 5 does not link.
$(B)/libhelper.a: $(HELPER_OBJ) $(B)/sources
	@rm -f $@
	ar rcs $@ $(filter %.o,$^)
$(B)/libclient.a: $(CLIENT_OBJ) $(B)/sources
	@rm -f $@
	ar rcs $@ $(filter %.o,$^)

# libzstd.a can unpack the formats of before zstd 0.8, too, which are never used here: without them
# the helper is smaller by 90 KiB.
ZSTD_OLD := $(foreach v,05 06 07,$(addprefix ZBUFFv$(v)_,createDCtx decompressContinue \
	decompressInitDictionary freeDCtx) $(addprefix ZSTDv$(v)_,createDCtx decompress_usingDict \
	findFrameSizeInfoLegacy freeDCtx getFrameParams))
HELPER_WITHOUT := $(patsubst %,-Wl$(comma)--defsym=%=abort,$(ZSTD_OLD)) \
	-Wl,--no-eh-frame-hdr -Wl,-T,remote-helpers/img-helper.ld

$(HELPER): $(B)/obj/remote-helpers/img-helper.o $(SAN_OBJ) $(B)/libhelper.a remote-helpers/img-helper.ld
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) $(if $(STATIC),$(STATIC) $(HELPER_WITHOUT)) -Wl,-z,noseparate-code -o $(B)/img-helper.unstripped $(filter-out %.ld,$^) $(HELPER_LIBS)
	$(if $(SAN),cp $(B)/img-helper.unstripped $@,strip -o $@ $(B)/img-helper.unstripped)

$(B)/bin/%: $(B)/obj/cmd/%.o $(SAN_OBJ) $(B)/libclient.a $(B)/libhelper.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CLIENT_LIBS) $(HELPER_LIBS)

units: $(addprefix $(B)/tests/,$(UNIT)) $(addprefix $(B)/tests/,$(FUZZ))

# test_foo is a unit test, another name a program that a bats file uses.
$(B)/tests/%: $(B)/obj/tests/unit/%.o $(SAN_OBJ) $(B)/libclient.a $(B)/libhelper.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CLIENT_LIBS) $(HELPER_LIBS)

# A fuzz target with the driver that runs it over its corpus as a plain test.
$(B)/tests/fuzz_%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/corpus_main.o $(SAN_OBJ) \
		$(B)/libclient.a $(B)/libhelper.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CLIENT_LIBS) $(HELPER_LIBS)

# The same with libFuzzer's driver; made by make fuzz in a build folder of its own.
$(B)/libfuzzer/fuzz_%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/libclient.a $(B)/libhelper.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(CLIENT_LIBS) $(HELPER_LIBS)
libfuzzer: $(addprefix $(B)/libfuzzer/,$(FUZZ))

# Then those on real LVM, if VM: not of sanitized builds, nor if one file is named.
VM ?= yes
check: all units
	rc=0; tests/run.sh $(B) $(T) || rc=1; \
	$(if $(VM),$(if $(T),,tests/vm/run.sh $(B) || rc=1;)) exit $$rc
check-vm: all units ; tests/vm/run.sh $(B) $(T)

SANITIZED = OPT='-O1 -g -fno-omit-frame-pointer' STATIC=
# All units and corpora, and bats files in which each command runs; `make soak` runs all files.
ASAN := $(UNIT) $(FUZZ) $(addsuffix .bats,chain create-qcow2 failure-archive failure-peer flatten \
	img-archive img-clean img-commit img-copy img-create img-delete img-info img-rename \
	img-resize img-resizefs img-snap img-storage img-unarchive img-verify img-watch img-write \
	lanes qmp ssh terminal verify-structure)
asan:
	$(MAKE) all units B=$(B)/asan $(SANITIZED) \
		SAN='-fsanitize=address,undefined -fno-sanitize-recover=all'
	tests/run.sh $(B)/asan $(or $(T),$(ASAN))
# Those in which threads meet.
TSAN := $(addprefix test_,archive_flow backend backend_op cancel coded_digest conn conn_end \
	conn_failed conn_lane conn_pause content flow flow_lanes flow_wire guest guest_pause guest_watch inlet \
	inuse io lane_bridge order outlet peer_kept progress qmp qmp_block qmp_job queue server) \
	$(addsuffix .bats,img-copy failure-signal)
# Without address randomisation, of which gcc 12's runtime cannot stand much.
NO_ASLR = $$(! setarch -R true 2>/dev/null || echo setarch -R)
tsan:
	$(MAKE) all units B=$(B)/tsan $(SANITIZED) SAN=-fsanitize=thread
	$(NO_ASLR) tests/run.sh $(B)/tsan $(or $(T),$(TSAN))

VALGRIND := valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
	--child-silent-after-fork=yes --run-libc-freeres=no
valgrind: units
	LIMIT=120 IMG_TRIES=2000 KINDS=unit WRAP='$(VALGRIND)' tests/run.sh $(B) $(T)

fuzz:
	$(MAKE) libfuzzer B=$(B)/fuzz CC=$(CLANG) $(SANITIZED) \
		SAN='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all'
	tests/fuzz.sh $(B)/fuzz $(N) $(T)

soak: ; B=$(B) tests/all.sh soak

lint: all
	CLANG_FORMAT=$(CLANG_FORMAT) tests/lint.sh $(B) $(T)

# Every header compiles alone.
hdr-check:
	@rc=0; for h in $(HEADERS); do \
		$(CC) $(ALL_CFLAGS) -Werror $(CPPFLAGS) $(CLIENT_INC) -Wno-unused-function \
			-Wno-unused-variable -fsyntax-only -x c -include $$h /dev/null || rc=1; \
	done; exit $$rc

format:
	$(CLANG_FORMAT) -i $(wildcard cmd/*.[ch] lib/*/*.[ch] lib/*/*/*.[ch] remote-helpers/*.[ch] \
		tests/*.[ch] tests/*/*.[ch])

# Installs what it needs first, so what it runs is made by another make.
bench bench-short:
	@tests/deps.sh bench
	$(MAKE) all $(B)/bench/relay $(B)/bench/cost
	tests/bench/$(if $(filter %-short,$@),short,run).sh $(B)
$(B)/bench/%: $(B)/obj/tests/bench/%.o
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^

demo: ; tests/demo.sh $(B)

deps: ; @tests/deps.sh
test-deps: ; @tests/deps.sh test

install: all
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(libexecdir) $(DESTDIR)$(docdir) \
		$(DESTDIR)$(unitdir)
	install -m 755 $(addprefix $(B)/bin/,$(COMMANDS)) $(DESTDIR)$(bindir)
	install -m 755 $(HELPER) $(DESTDIR)$(libexecdir)
	install -m 644 README.md LICENSE config.example $(DESTDIR)$(docdir)
	for unit in $(UNITS); do \
		sed 's|@bindir@|$(bindir)|' cmd/$$unit.in >$(B)/$$unit && \
		install -m 644 $(B)/$$unit $(DESTDIR)$(unitdir) || exit 1; \
	done
	for page in $(MAN); do \
		dir=$(DESTDIR)$(mandir)/man$${page##*.}; \
		install -d $$dir && install -m 644 $$page $$dir || exit 1; \
	done

uninstall:
	rm -f $(addprefix $(DESTDIR)$(bindir)/,$(COMMANDS)) $(DESTDIR)$(libexecdir)/$(notdir $(HELPER))
	rm -f $(addprefix $(DESTDIR)$(docdir)/,README.md LICENSE config.example)
	rm -f $(addprefix $(DESTDIR)$(unitdir)/,$(UNITS))
	for page in $(notdir $(MAN)); do rm -f $(DESTDIR)$(mandir)/man$${page##*.}/$$page; done
	-rmdir $(DESTDIR)$(libexecdir) $(DESTDIR)$(docdir) 2>/dev/null

clean: ; rm -rf $(B)

.PHONY: all dev units libfuzzer check check-vm asan tsan valgrind fuzz soak lint hdr-check format bench \
	bench-short demo deps test-deps install uninstall clean FORCE
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

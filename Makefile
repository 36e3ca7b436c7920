# SPDX-License-Identifier: MIT
# make, demo, check, fuzz, model, bench, install: README.md says what each does.
# SAN=address,undefined or SAN=thread builds with sanitizers, each in
# a directory of its own.

CC = cc
CFLAGS = -O2 -g
WARN = -Wall -Wextra -Werror
PREFIX = /usr/local
DESTDIR =

VERSION = 0.1.0
SOVERSION = 0

# On all CPUs, unless asked for otherwise.
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

B = build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
comma := ,
ifneq ($(CC),cc)
B := $(B)/$(notdir $(CC))
endif

INCLUDES = -Iinclude -Ilib
MODE = $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)
# -fno-plt: names are bound when the program starts, not again in each worker.
LIBFLAGS = -std=gnu11 -fPIC -fno-plt -fvisibility=hidden -D_GNU_SOURCE -DSMI_VERSION='"$(VERSION)"' $(INCLUDES)
ALL_CFLAGS = $(CFLAGS) $(WARN) $(MODE) -pthread
LDLIBS = -pthread -lm

LIB_SRC := $(sort $(wildcard lib/*/*.c lib/*/*/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
TEST_SRC := $(sort $(wildcard tests/*.c))
TEST_OBJ := $(TEST_SRC:%.c=$(B)/%.o)
EXAMPLES := $(patsubst %.c,$(B)/%,$(sort $(wildcard examples/*.c)))
BENCHES := $(patsubst %.c,$(B)/%,$(sort $(wildcard bench/*.c)))

.PHONY: all demo check fuzz model bench bench-sort examples install uninstall layers tidy clean
.DELETE_ON_ERROR:
.SECONDARY:

all: $(B)/libsharedmem.a $(B)/libsharedmem.so.$(SOVERSION)

# Kernels that need more than the baseline get it by file; which one runs is
# found out when the program runs.
ifneq (,$(findstring x86_64,$(shell $(CC) -dumpmachine)))
AVX2 = -mavx2 -mprfchw -mbmi -mbmi2 -mlzcnt -mpopcnt
AVX512 = -mavx512f -mavx512dq -mavx512bw -mavx512vl $(AVX2)
endif
KERNEL =
ALIGN =
$(B)/lib/sort/kernel/avx512.o: KERNEL = $(AVX512)
$(B)/lib/sort/kernel/avx2.o: KERNEL = $(AVX2)

# The portable one is vectors where the compiler finds some, and it looks for more with -O3.
$(B)/lib/sort/kernel/portable.o: KERNEL = $(patsubst -O2,-O3,$(filter -O2,$(lastword $(filter -O%,$(CFLAGS)))))

# A short loop across two lines of code takes up to half as long again: none is to become one
# by what the linker puts in front of it.
$(addprefix $(B)/lib/sort/kernel/,avx512.o avx2.o portable.o): ALIGN = -falign-functions=64 -falign-loops=32

$(B)/lib/%.o: lib/%.c Makefile
	@mkdir -p $(@D)
	@echo CC $<
	@$(CC) $(LIBFLAGS) $(ALL_CFLAGS) $(KERNEL) $(ALIGN) -MMD -MP -c $< -o $@

$(B)/libsharedmem.a: $(LIB_OBJ)
	rm -f $@
	$(AR) rcs $@ $^

# With an unwinder of its own: as a library beside it that would be six more mappings for
# each fork to copy.
$(B)/libsharedmem.so.$(SOVERSION): $(LIB_OBJ) lib/sharedmem.map
	$(CC) -shared -static-libgcc $(MODE) -Wl,-soname,libsharedmem.so.$(SOVERSION) \
		-Wl,-Bsymbolic-functions -Wl,-z,nodelete $(if $(SAN),,-Wl,-z,defs) \
		-Wl,--version-script=lib/sharedmem.map $(LDFLAGS) $(LIB_OBJ) -o $@ -pthread
	ln -sf libsharedmem.so.$(SOVERSION) $(B)/libsharedmem.so

# Examples are built as a user would build them: public headers, plain C.
$(B)/examples/%: examples/%.c $(B)/libsharedmem.a Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -Iinclude $(ALL_CFLAGS) -MMD -MP $< $(B)/libsharedmem.a -o $@ $(LDLIBS)

examples: $(EXAMPLES)

DIR =
demo: $(B)/examples/wordcount
	$(B)/examples/wordcount $(if $(DIR),"$(DIR)",/usr/include /usr/share/doc)

# Tests see the library's insides, so they link the archive; test_fault.c makes
# these calls fail.
FAULTS = fork mmap madvise memfd_create ftruncate eventfd epoll_create1 epoll_ctl calloc malloc pthread_create \
	pwrite fdatasync fsync flock fstat strndup realloc setrlimit syscall
CHECK_CFLAGS = $(shell pkg-config --cflags check 2>/dev/null)
CHECK_LIBS = $(shell pkg-config --libs check 2>/dev/null)
$(B)/tests/%.o: tests/%.c Makefile | check-installed
	@mkdir -p $(@D)
	@echo CC $<
	@$(CC) -std=gnu11 -D_GNU_SOURCE $(INCLUDES) $(CHECK_CFLAGS) $(ALL_CFLAGS) \
		-Wno-format-extra-args -MMD -MP -c $< -o $@

$(B)/tests/check: $(TEST_OBJ) $(B)/libsharedmem.a
	$(CC) $(ALL_CFLAGS) -rdynamic $(FAULTS:%=-Wl,--wrap=%) $(TEST_OBJ) $(B)/libsharedmem.a -o $@ $(CHECK_LIBS) $(LDLIBS)

.PHONY: check-installed
check-installed:
	@tests/need-check.sh

# Programs of their own, against the public interface; `make check` runs a part.
CHAOS := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/chaos/*.c)))
$(B)/tests/chaos/%: tests/chaos/%.c $(B)/libsharedmem.a Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -Iinclude $(ALL_CFLAGS) -MMD -MP $< $(B)/libsharedmem.a -o $@ $(LDLIBS)

KILLS = 100000
SEED = 1
.PHONY: chaos
chaos: $(CHAOS)
	$(B)/tests/chaos/chaos $(KILLS) $(SEED)
	$(B)/tests/chaos/orphans 10000 $(SEED)
	$(B)/tests/chaos/detect 10000 2
	$(B)/tests/chaos/detect 10000 33

# Lanes that run side by side, and take about as long: most tests wait more than they
# work. The last one's are those that are in no other.
LANE_1 = sort
LANE_2 = values order limits timeouts cancel
LANE_3 = map sections successors examples fault
check: $(B)/tests/check $(B)/tests/fuzz/reader $(EXAMPLES) $(CHAOS) all
	$(B)/tests/fuzz/reader tests/fuzz/corpus/*
	SMI_BUILD=$(B) tests/side_by_side.sh '$(B)/tests/chaos/chaos $(if $(SAN),500,10000) $(SEED)' \
		'$(B)/tests/check $(LANE_1)' '$(B)/tests/check $(LANE_2)' '$(B)/tests/check $(LANE_3)' \
		'$(B)/tests/check $(patsubst %,-%,$(LANE_1) $(LANE_2) $(LANE_3))'
	$(if $(SAN),,CC=$(CC) tests/install.sh $(B))
	$(if $(SAN),,CC=$(CC) tests/openmp.sh $(B))

# The pipe's reader against hostile writers. What libFuzzer has found is replayed by
# make check; make fuzz looks for more, and keeps it in build/fuzz.
$(B)/tests/fuzz/reader: $(B)/tests/fuzz/reader.o $(B)/libsharedmem.a
	$(CC) $(ALL_CFLAGS) $^ -o $@ $(LDLIBS)

FUZZ_SECONDS = 600
FUZZ_CC = clang
FUZZ_MODE = -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ_SRC = tests/fuzz/reader.c lib/pipe/writer.c lib/pipe/slab.c lib/machine/memory.c lib/machine/cgroup.c \
	lib/os/mapping.c lib/os/futex.c lib/os/io.c
build/fuzz/reader: $(FUZZ_SRC) $(wildcard lib/pipe/*) Makefile
	@mkdir -p $(@D)/found
	@command -v $(FUZZ_CC) >/dev/null || { echo "make fuzz needs libFuzzer: apt-get install -y clang libclang-rt-14-dev"; exit 1; }
	$(FUZZ_CC) -std=gnu11 -D_GNU_SOURCE $(INCLUDES) -O2 -g $(WARN) -DFUZZING -fsanitize=fuzzer $(FUZZ_MODE) $(FUZZ_SRC) -o $@

fuzz: build/fuzz/reader
	build/fuzz/reader -max_len=4096 -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build/fuzz/ \
		-print_final_stats=1 build/fuzz/found tests/fuzz/corpus

# Functions begin at cache lines, so that no figure depends on what lies before them: a loop
# that enters a contended section takes twice as long at some places.
$(B)/bench/%: bench/%.c $(B)/libsharedmem.a Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -Iinclude $(ALL_CFLAGS) -falign-functions=64 -static-libgcc -fopenmp -MMD -MP $< $(B)/libsharedmem.a \
		-o $@ $(LDLIBS)

bench: $(BENCHES)
	bench/run.sh $(B)/bench

bench-sort: $(B)/libsharedmem.a
	$(MAKE) -f bench/sort/Makefile B=$(B)

model:
	@CC=$(CC) tests/model/run.sh build/model

layers:
	tests/layers.sh

tidy:
	clang-tidy --quiet $(LIB_SRC) -- $(LIBFLAGS)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,portability \
		--suppressions-list=tests/cppcheck.txt $(INCLUDES) -D_GNU_SOURCE lib
	@for f in $(LIB_SRC); do \
		case $$f in */avx512.c) kernel="$(AVX512)";; */avx2.c) kernel="$(AVX2)";; *) kernel=;; esac; \
		gcc $(LIBFLAGS) -O1 $(WARN) $$kernel -fanalyzer -c $$f -o /dev/null || exit 1; done

PC = $(B)/sharedmem.pc
$(PC): Makefile
	@mkdir -p $(@D)
	printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$${prefix}/lib' 'includedir=$${prefix}/include' '' \
		'Name: sharedmem' 'Description: Map/reduce over forked workers and shared memory' \
		'Version: $(VERSION)' 'Cflags: -I$${includedir}' \
		'Libs: -L$${libdir} -lsharedmem' 'Libs.private: -pthread' > $@

.PHONY: $(PC)
install: all $(PC)
	install -d $(DESTDIR)$(PREFIX)/include/sharedmem $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 644 include/sharedmem.h $(DESTDIR)$(PREFIX)/include
	install -m 644 include/sharedmem/*.h $(DESTDIR)$(PREFIX)/include/sharedmem
	install -m 644 $(B)/libsharedmem.a $(DESTDIR)$(PREFIX)/lib
	install -m 755 $(B)/libsharedmem.so.$(SOVERSION) $(DESTDIR)$(PREFIX)/lib
	ln -sf libsharedmem.so.$(SOVERSION) $(DESTDIR)$(PREFIX)/lib/libsharedmem.so
	install -m 644 $(PC) $(DESTDIR)$(PREFIX)/lib/pkgconfig

uninstall:
	rm -rf $(DESTDIR)$(PREFIX)/include/sharedmem
	rm -f $(DESTDIR)$(PREFIX)/include/sharedmem.h $(DESTDIR)$(PREFIX)/lib/libsharedmem.a \
		$(DESTDIR)$(PREFIX)/lib/libsharedmem.so $(DESTDIR)$(PREFIX)/lib/libsharedmem.so.$(SOVERSION) \
		$(DESTDIR)$(PREFIX)/lib/pkgconfig/sharedmem.pc

clean:
	rm -rf build

-include $(LIB_OBJ:.o=.d) $(TEST_OBJ:.o=.d) $(B)/tests/fuzz/reader.d $(EXAMPLES:=.d) $(BENCHES:=.d) $(CHAOS:=.d)

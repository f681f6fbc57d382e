/* arena: alignment, zeros, growth, and the order in which all of it ends. */
#include "base/arena.c"
#include "base/ctx.h"

#include <setjmp.h>
#include <stdbool.h>
#include <sys/wait.h>

#include <cmocka.h>

#undef fail /* cmocka's, which nobody needs; ours is a function */

static void
gives_zeroed_aligned_memory(void **state)
{
	struct arena a;
	unsigned char *p;
	size_t size, i;
	int round;

	(void)state;
	arena_init(&a);
	for (round = 0; round < 3; round++) {
		for (size = 0; size < 3000; size += 7) {
			p = arena_alloc(&a, size);
			assert_int_equal(
			    (uintptr_t)p % _Alignof(max_align_t), 0);
			for (i = 0; i < size; i++)
				assert_int_equal(p[i], 0);
			memset(p, 0xa5, size);
		}
		arena_reset(&a);
		assert_null(a.blocks);
	}
}

static void
gives_each_object_its_own_place(void **state)
{
	struct arena a;
	void *one, *two;

	(void)state;
	arena_init(&a);
	one = arena_alloc(&a, 0);
	two = arena_alloc(&a, 0);
	assert_ptr_not_equal(one, two);
	arena_reset(&a);
}

static void
holds_what_is_larger_than_a_block(void **state)
{
	struct arena a;
	const size_t size = 3 * BLOCK_LAST + 1;
	char *p;

	(void)state;
	arena_init(&a);
	arena_alloc(&a, 10);
	p = arena_alloc(&a, size);
	memset(p, 'x', size);
	assert_non_null(arena_alloc(&a, 10));
	arena_reset(&a);
}

static void
doubles_its_blocks_up_to_a_limit(void **state)
{
	struct arena_block *b;
	struct arena a;
	int i, n = 0;

	(void)state;
	arena_init(&a);
	for (i = 0; i < 1000; i++) /* 1 MB */
		arena_alloc(&a, 1000);
	for (b = a.blocks; b; b = b->older) {
		assert_true(b->size >= BLOCK_FIRST && b->size <= BLOCK_LAST);
		n++;
	}
	assert_in_range(n, 10, 25);
	arena_reset(&a);
}

static void
copies_and_prints(void **state)
{
	struct arena a;
	char *s;

	(void)state;
	arena_init(&a);
	assert_string_equal(arena_strdup(&a, ""), "");
	assert_string_equal(arena_strdup(&a, "word"), "word");
	s = arena_strndup(&a, "a\0bc", 3);
	assert_memory_equal(s, "a\0b", 4);
	assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
	s = arena_printf(&a, "%9000d", 1);
	assert_int_equal(strlen(s), 9000);
	arena_reset(&a);
}

static struct arena ending;
static char trace[16];

static void
note(void *object)
{
	strncat(trace, object, sizeof(trace) - strlen(trace) - 1);
}

static void
note_and_defer(void *object)
{
	note(object);
	arena_defer(&ending, note, arena_strdup(&ending, "z"));
}

static void
ends_newest_first(void **state)
{
	(void)state;
	trace[0] = '\0';
	arena_init(&ending);
	arena_defer(&ending, note, arena_strdup(&ending, "a"));
	arena_defer(&ending, note_and_defer, arena_strdup(&ending, "b"));
	arena_defer(&ending, note, arena_strdup(&ending, "c"));
	arena_reset(&ending);
	assert_string_equal(trace, "cbza");
	arena_reset(&ending); /* nothing twice */
	assert_string_equal(trace, "cbza");
}

static void
ends_the_process_when_the_size_is_absurd(void **state)
{
	struct arena a;
	int status;
	pid_t child;

	(void)state;
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		close(STDERR_FILENO);
		arena_init(&a);
		arena_array(&a, SIZE_MAX / 2, 3);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 71);
}

static void
heap_is_zeroed_and_grows(void **state)
{
	char *p = heap_alloc(100);
	int i;

	(void)state;
	for (i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	memcpy(p, "kept", 5);
	p = heap_grow(p, 100000);
	assert_string_equal(p, "kept");
	heap_free(p);
	p = heap_alloc(0);
	assert_non_null(p);
	heap_free(p);
	heap_free(NULL);
	p = heap_strdup("copy");
	assert_string_equal(p, "copy");
	heap_free(p);
}

/* The arena's owner: a unit of work keeps the first error only. */
static void
ctx_keeps_the_first_error(void **state)
{
	struct ctx cx;

	(void)state;
	ctx_init(&cx, "0123456789abcdef0123456789abcdef");
	assert_string_equal(cx.id, "0123456789abcdef0123456789abcdef");
	assert_int_equal(fail(&cx, ERR_INPUT, "first %d", 1), ERR_INPUT);
	assert_int_equal(fail(&cx, ERR_BUSY, "second"), ERR_BUSY);
	assert_int_equal(cx.err, ERR_INPUT);
	assert_string_equal(cx.detail, "first 1");
	fail_forget(&cx);
	assert_int_equal(cx.err, ERR_OK);
	assert_string_equal(cx.detail, "");
	assert_int_equal(fail(&cx, ERR_BUSY, "third"), ERR_BUSY);
	assert_string_equal(cx.detail, "third");
	ctx_done(&cx);
}

static void
ctx_makes_an_id_where_there_is_none(void **state)
{
	static const char *const bad[] = {
		NULL, "", "0123456789abcdef0123456789abcde",
		"0123456789abcdef0123456789abcdef0",
		"0123456789ABCDEF0123456789ABCDEF",
		"0123456789abcdef\n123456789abcdef",
	};
	struct ctx cx, other;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ctx_init(&cx, bad[i]);
		ctx_init(&other, bad[i]);
		assert_int_equal(strlen(cx.id), 32);
		assert_int_equal(strspn(cx.id, "0123456789abcdef"), 32);
		assert_string_not_equal(cx.id, other.id);
		ctx_done(&cx);
		ctx_done(&other);
	}
}

static void
ctx_cuts_a_detail_between_characters(void **state)
{
	char text[400] = "";
	struct ctx cx;
	size_t shift;

	(void)state;
	for (shift = 0; shift < 4; shift++) {
		memset(text, 'a', shift);
		text[shift] = '\0';
		while (strlen(text) < 380)
			strncat(text, "\xe2\x82\xac", 4); /* the euro sign */
		ctx_init(&cx, NULL);
		fail(&cx, ERR_INPUT, "%s", text);
		assert_in_range(strlen(cx.detail), 316, 319);
		assert_int_equal((strlen(cx.detail) - shift) % 3, 0);
		ctx_done(&cx);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_zeroed_aligned_memory),
		cmocka_unit_test(gives_each_object_its_own_place),
		cmocka_unit_test(holds_what_is_larger_than_a_block),
		cmocka_unit_test(doubles_its_blocks_up_to_a_limit),
		cmocka_unit_test(copies_and_prints),
		cmocka_unit_test(ends_newest_first),
		cmocka_unit_test(ends_the_process_when_the_size_is_absurd),
		cmocka_unit_test(heap_is_zeroed_and_grows),
		cmocka_unit_test(ctx_keeps_the_first_error),
		cmocka_unit_test(ctx_makes_an_id_where_there_is_none),
		cmocka_unit_test(ctx_cuts_a_detail_between_characters),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}

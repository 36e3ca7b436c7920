/* SPDX-License-Identifier: MIT */
/* How a map keeps its promises when workers die: claims, ordered turns, judging,
 * successors, and ids that are lent to others. README.md says what is checked, how
 * large it is, and what is left out.
 *
 * Each statement outside of atomic and d_step is one step, and a worker may be
 * killed before and after it. What a step does at once is what the code does with
 * one store or one read-modify-write, or what only the stepper can see. */

#ifndef NW
#define NW 3		/* workers, 2 or 3 */
#endif
#ifndef NJOBS
#define NJOBS 4
#endif
#ifndef CHUNK
#define CHUNK 1
#endif
#ifndef CRITICAL
#define CRITICAL 0	/* the set of jobs that enter a critical section */
#endif
#ifndef ORDERED
#define ORDERED 0	/* and an ordered one */
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#ifndef SPARES
#define SPARES 2	/* successors that can be started */
#endif

#define NONE 255
#define NOBODY 255
#define ALL ((1 << NJOBS) - 1)
#define BIT(i) (1 << (i))
#define BELOW(n) ((1 << (n)) - 1)
#define RANGE(b, e) (BELOW(e) & ~BELOW(b))	/* empty when e <= b */
/* Of a set that is not empty. */
#define LOWEST(s) ((s) & 1 -> 0 : ((s) & 2 -> 1 : ((s) & 4 -> 2 : ((s) & 8 -> 3 : 4))))
#define OF_ALL(a) (a[0] | a[1] | a[NW - 1])

/* ---- What workers and the master share. ---- */
byte next;		/* the queue's counter */
byte low[NW];		/* no id below will enter an ordered section through this slot */
bool claiming[NW];	/* the claim's step is odd */
byte begin[NW], end[NW];/* the claim */
byte at[NW];		/* the job that runs or ran last */
byte wants[NW];		/* the id that sleeps for its turn */
byte pipe[NW];		/* committed, not yet taken in: a set of ids */
byte word;		/* critical: owner + 1 */
byte inside;		/* ordered: owner + 1 */
byte moves;		/* ids have changed slots so often */
#define EMPTY 0
#define FULL 1
#define TAKING 2
byte box[NW];		/* the inbox's state */
byte ids[NW];		/* what it holds; one chunk's ids are one range */
bool start[NW];		/* a worker of this rank may begin */
bool over;		/* the map has ended: all others are killed */

/* ---- The end of a worker: both know at once, the master when it looks. ---- */
chan kill[NW + 1] = [0] of { bit };
#ifdef IN_CLAIM	/* deaths only in the middle of a claim; nobody sends to the last channel */
#define MAY_DIE(r) (claiming[r] -> r : NW)
#else
#define MAY_DIE(r) r
#endif
bool dead[NW];

/* ---- For the claims: no process decides by these. ---- */
byte committed;		/* ever, by anybody */
byte completed;		/* ordered sections that were left */
byte running[NW];	/* begun and not committed */
bool waits[NW];		/* for its turn, in truth */
byte in_critical, in_ordered;	/* whoever is inside; a dead one until the master has looked after it */
byte ended;		/* how */
#define POOL_OK 1
#define TAINTED 2
#define NO_RESOURCES 3

/* ================================ A worker ================================ */

/* All others' bounds must be above `id`. One look at each, not at once. The first
 * pass that fails makes it a sleeper, which looks again when the bound that it saw
 * has changed. */
inline fail_look()
{
	if
	:: wants[r] == NONE -> wants[r] = id;
	:: else -> skip;
	fi;
	seen_moves = moves;
	n = 1;
}

inline wait_turn()
{
	atomic { waits[r] = true; j = (r + 1) % NW; seen_moves = moves; n = 1; }
	do
	:: atomic { n < NW && low[j] > id -> n++; j = (j + 1) % NW;
		if
		:: j == r -> j = (j + 1) % NW;
		:: else -> skip;
		fi; }
	:: atomic { n < NW && low[j] <= id && wants[r] == NONE -> fail_look(); }
	:: atomic { n < NW && low[j] <= id && wants[r] != NONE -> low[j] > id -> fail_look(); }
#ifndef CROSS_ONE_LOOK
	:: atomic { n >= NW && moves != seen_moves -> fail_look(); }
	:: atomic { n >= NW && moves == seen_moves ->
#else
	:: atomic { n >= NW ->
#endif
#ifndef CROSS_SLEEP
		/* Whoever is seen to sleep has not passed. */
		if
		:: wants[r] != NONE -> wants[r] = NONE; seen_moves = moves; n = 1;
		:: else -> n = 0; j = 0; seen_moves = 0; waits[r] = false; break;
		fi; }
	od;
#else
		n = 0; j = 0; seen_moves = 0; waits[r] = false; break; }
	od;
	if
	:: wants[r] != NONE -> wants[r] = NONE;
	:: else;
	fi;
#endif
}

inline ordered_section()
{
	wait_turn();
	atomic { inside == 0 -> inside = r + 1;
		assert(in_ordered == 0);
		in_ordered = in_ordered | BIT(r);
		/* Whoever came before has been inside, or is done without. */
		assert((BELOW(id) & ~(committed | completed)) == 0); }
	atomic { inside = 0; in_ordered = in_ordered & ~BIT(r); completed = completed | BIT(id); }
	/* Above the range's end nothing is held, unless there is more to run again. */
#ifdef CROSS_INBOX
	n = (id + 1 == last -> NONE : id + 1);
#else
	n = (id + 1 == last && box[r] == EMPTY -> NONE : id + 1);
#endif
	atomic { low[r] = n; n = 0; }
}

inline critical_section()
{
	atomic { word == 0 -> word = r + 1;
		assert(in_critical == 0);
		in_critical = in_critical | BIT(r); }
	atomic { word = 0; in_critical = in_critical & ~BIT(r); }
}

inline run_job()
{
	atomic { at[r] = id; running[r] = id; low[r] = id; }
#if CRITICAL
	if
	:: CRITICAL & BIT(id) -> critical_section();
	:: else;
	fi;
#endif
#if ORDERED
	if
	:: ORDERED & BIT(id) -> ordered_section();
	:: else;
	fi;
#endif
	atomic { assert(!(committed & BIT(id)));
		committed = committed | BIT(id);
		running[r] = NONE;
		pipe[r] = pipe[r] | BIT(id);
		id++; }
}

inline run_range()
{
	do
	:: id < last -> run_job();
	:: atomic { id >= last -> id = 0; last = 0; break; }
	od;
}

/* An even step is seen with the whole of the new claim. */
inline record()
{
#ifdef CROSS_TORN
	begin[r] = id;
	end[r] = last;
	claiming[r] = false;
#else
	atomic { begin[r] = id; end[r] = last; claiming[r] = false; }
#endif
}

inline take_again()
{
	low[r] = id;
	claiming[r] = true;
	record();
	atomic { ids[r] = ids[r] & ~RANGE(id, last); box[r] = (ids[r] != 0 -> FULL : EMPTY); }
}

inline take_new()
{
	bound = next;
	low[r] = bound;
	claiming[r] = true;
	atomic { id = next; next = (next + CHUNK < NJOBS -> next + CHUNK : NJOBS); last = next; }
	record();
}

proctype worker(byte r)
{
	byte bound, id, last, j, n, seen_moves;

birth:
	atomic { start[r] || over ->
		if
		:: over -> goto done;
		:: else -> start[r] = false;
		fi; }
	{
		do
		:: atomic { box[r] == FULL -> box[r] = TAKING;
			id = LOWEST(ids[r]);
			last = id + 1;
			do
			:: last % CHUNK != 0 && (ids[r] & BIT(last)) -> last++;
			:: else -> break;
			od; }
			take_again();
			run_range();
		:: box[r] != FULL ->
			take_new();
			if
			:: atomic { id == last -> id = 0; last = 0; low[r] = NONE; }
				box[r] == FULL;
			:: else -> run_range();
			fi;
		od;
	} unless {
		if
		:: atomic { kill[MAY_DIE(r)] ? _ -> dead[r] = true; bound = 0; id = 0; last = 0; j = 0; n = 0;
			seen_moves = 0; waits[r] = false; goto birth; }
		:: atomic { over -> bound = 0; id = 0; last = 0; j = 0; n = 0; seen_moves = 0; goto done; }
		fi;
	}
done:
	skip;
}

/* ================================ The killer =============================== */

#if NW > 2
#define KILL_ONE if :: kill[0] ! 0 :: kill[1] ! 0 :: kill[2] ! 0 :: over -> goto done; fi
#else
#define KILL_ONE if :: kill[0] ! 0 :: kill[1] ! 0 :: over -> goto done; fi
#endif

proctype killer()
{
#if DEATHS > 0
	KILL_ONE;
#endif
#if DEATHS > 1
	KILL_ONE;
#endif
#if DEATHS > 2
	KILL_ONE;
#endif
	over;
done:
	skip;
}

/* ================================ The master =============================== */

#define LIVE 0		/* as far as is known */
#define BEREFT 1	/* dead; what it had is in `again` */
#define VACANT 2	/* and there will be no successor */

byte living[NW];
bool searching[NW];	/* it died while it claimed: its ids are to be found */
byte settled;
byte again[NW];		/* ids to run again */
byte carries[NW];	/* whose ids lie in its inbox; NOBODY when that was seen to */
byte spares = SPARES;

inline take_in()
{
	assert((settled & OF_ALL(pipe)) == 0);
	settled = settled | OF_ALL(pipe);
	pipe[0] = 0;
	pipe[1] = 0;
	pipe[NW - 1] = 0;
}

inline end_map(how)
{
	ended = how;
	over = true;
}

/* The slot's bound goes up to what is left in its list: others have the rest, and
 * their bounds were lowered before. */
inline lend_update(o)
{
#ifdef CROSS_RAISE_FIRST
	low[o] = (again[o] != 0 -> LOWEST(again[o]) : NONE);
	moves++;
#else
	moves++;
	low[o] = (again[o] != 0 -> LOWEST(again[o]) : NONE);
#endif
}

/* What it had. A claim that was not recorded whole says nothing, and one that an
 * inbox was about to replace is done. */
inline bereave(w)
{
	d_step {
#ifndef CROSS_EARLY
		take_in();
#endif
		if
		:: word == w + 1 ->
#ifdef REPAIR
			word = 0; in_critical = in_critical & ~BIT(w);
#else
			end_map(TAINTED);
#endif
		:: else -> skip;
		fi;
		if
		:: !claiming[w] -> again[w] = again[w] | (RANGE(begin[w], end[w]) & ~settled);
		:: claiming[w] && box[w] != TAKING -> searching[w] = true;
		:: else -> skip;
		fi;
		if
		:: box[w] != EMPTY -> again[w] = again[w] | (ids[w] & ~settled);
		:: else -> skip;
		fi;
		/* The try that it cost. */
#ifndef CROSS_EARLY
		assert(running[w] == (at[w] != NONE && !(settled & BIT(at[w])) -> at[w] : NONE));
#endif
		running[w] = NONE;
		living[w] = BEREFT;
#ifdef CROSS_LOW
		low[w] = NONE;
#else
		if
		:: again[w] != 0 && LOWEST(again[w]) < low[w] -> low[w] = LOWEST(again[w]);
		:: else -> skip;
		fi;
#endif
	}
	if
	:: carries[w] != NOBODY ->
		o = carries[w];
		lend_update(o);
		d_step { carries[w] = NOBODY; o = 0; }
	:: else;
	fi;
	d_step {
		/* Nobody reads these until there is a successor. */
		box[w] = EMPTY;
		ids[w] = 0;
		if
		:: inside == w + 1 -> inside = 0; in_ordered = in_ordered & ~BIT(w);
		:: else -> skip;
		fi;
	}
}

/* Ids below the counter that nobody holds are what those got who died in a claim.
 * It fails, and is made again, when a worker is seen claiming. */
#ifdef CROSS_NOWAIT
#define CLAIMS(x) false
#else
#define CLAIMS(x) (living[x] == LIVE && claiming[x])
#endif

inline search(w)
{
	d_step { below = next; held = 0; x = 0; }
	do
	:: d_step { x < NW && !looked -> held = held | again[x] | (box[x] != EMPTY -> ids[x] : 0); looked = true; }
#ifdef CROSS_TORN
	:: atomic { x < NW && looked && !CLAIMS(x) -> tear = begin[x]; }
	   d_step { held = held | (living[x] == LIVE -> RANGE(tear, end[x]) : 0); tear = 0; looked = false; x++; }
#else
	:: d_step { x < NW && looked && !CLAIMS(x) ->
		held = held | (living[x] == LIVE -> RANGE(begin[x], end[x]) : 0); looked = false; x++; }
#endif
	:: d_step { x < NW && looked && CLAIMS(x) -> looked = false; x = 0; held = 0; below = 0; }
		break;
	:: d_step { x == NW ->
		take_in();
		held = BELOW(below) & ~settled & ~held;
		heir = w;
#ifndef CROSS_THAT_SLOT
		/* Any of them may have taken them: the lowest bound lies below for certain. */
		if
		:: searching[0] && low[0] < low[heir] -> heir = 0;
		:: else -> skip;
		fi;
		if
		:: searching[1] && low[1] < low[heir] -> heir = 1;
		:: else -> skip;
		fi;
		if
		:: searching[NW - 1] && low[NW - 1] < low[heir] -> heir = NW - 1;
		:: else -> skip;
		fi;
#endif
		again[heir] = again[heir] | held;
		if
		:: held != 0 && LOWEST(held) < low[heir] -> low[heir] = LOWEST(held);
		:: else -> skip;
		fi;
#ifndef CROSS_STILL
		/* Who got them may have been another one, whose slot somebody has passed. */
		moves++;
#endif
		searching[0] = false; searching[1] = false; searching[NW - 1] = false;
		x = 0; held = 0; below = 0; heir = 0; }
		break;
	od;
}

#define NEEDED(w) (again[w] != 0 || (settled != ALL && next < NJOBS))

inline replace(w)
{
	d_step {
		spares--;
		claiming[w] = false;
		wants[w] = NONE;
		at[w] = NONE;
		dead[w] = false;
		if
		:: again[w] != 0 -> ids[w] = again[w]; box[w] = FULL; again[w] = 0;
		:: else -> skip;
		fi;
		living[w] = LIVE;
		start[w] = true;
	}
}

#define TURN_OF(x, o) (x == o || low[o] > wants[x])
#define SLEEPS(x) (wants[x] != NONE && !(TURN_OF(x, 0) && TURN_OF(x, 1) && TURN_OF(x, NW - 1)))

/* What x carries was taken, or is given back. */
inline follow(x)
{
	if
	:: living[x] == LIVE && carries[x] != NOBODY ->
		d_step {
			if
			:: SLEEPS(x) && box[x] == FULL ->
				again[carries[x]] = again[carries[x]] | ids[x];
				ids[x] = 0;
				box[x] = EMPTY;
			:: else -> skip;
			fi;
		}
		if
		:: box[x] == EMPTY ->
			o = carries[x];
			lend_update(o);
			d_step { carries[x] = NOBODY; o = 0; }
		:: else;
		fi;
	:: else;
	fi;
}

/* A live worker that can't go on before the master has done something. */
#define HELD_BY(x, d) (living[d] == VACANT && low[d] <= wants[x])
#ifdef CROSS_HOPE
#define NOT_FOLLOWED(x) false
#else
#define NOT_FOLLOWED(x) (carries[x] != NOBODY)
#endif
#define NO_HOPE(x) (living[x] == VACANT || (living[x] == LIVE && wants[x] != NONE && !NOT_FOLLOWED(x) && \
		    (HELD_BY(x, 0) || HELD_BY(x, 1) || HELD_BY(x, NW - 1))))

/* In truth: what waits, and for ids that nobody runs. */
#define UNRUN(x) ((living[x] == VACANT -> again[x] : 0) | (living[x] == LIVE && box[x] == FULL -> ids[x] : 0))
#define UNRUNS (UNRUN(0) | UNRUN(1) | UNRUN(NW - 1))
#define LOST(x) (living[x] == VACANT || dead[x] || (waits[x] && (UNRUNS & BELOW(wants[x] + 1)) != 0))

#define NOBODY_LEFT ((settled | OF_ALL(pipe)) != ALL && NO_HOPE(0) && NO_HOPE(1) && NO_HOPE(NW - 1))

inline lend_pass()
{
	follow(0);
	follow(1);
#if NW > 2
	follow(2);
#endif
	if
	:: d_step { NOBODY_LEFT ->
		assert(LOST(0) && LOST(1) && LOST(NW - 1));
		end_map(NO_RESOURCES); }
	:: else;
	fi;
}

#define DEATH_OF(w) \
	:: living[w] == LIVE && dead[w] -> bereave(w);

#define MEND(w) \
	:: living[w] == BEREFT && searching[w] && !MUST_WAIT -> search(w); \
	:: living[w] == BEREFT && !searching[w] && NEEDED(w) && spares > 0 -> replace(w); \
	:: living[w] == BEREFT && !searching[w] && !(NEEDED(w) && spares > 0) -> \
		living[w] = VACANT; \
		lend_update(w);

/* A search that is bound to fail changes nothing: it is not begun. */
#define MUST_WAIT (CLAIMS(0) || CLAIMS(1) || CLAIMS(NW - 1))

#define LEND(d, x) \
	:: d_step { living[d] == VACANT && again[d] != 0 && living[x] == LIVE && carries[x] == NOBODY && \
		box[x] == EMPTY && !SLEEPS(x) -> \
		ids[x] = again[d]; again[d] = 0; carries[x] = d; box[x] = FULL; }

/* Begun when it would do something, as far as can be seen; with PASS_ANYWAY at any
 * time. */
#ifndef PASS_ANYWAY
#define PASS_ANYWAY false
#endif
#define TO_FOLLOW(x) (living[x] == LIVE && carries[x] != NOBODY && \
		      (box[x] == EMPTY || (box[x] == FULL && SLEEPS(x))))
#define ANY_TO_FOLLOW (TO_FOLLOW(0) || TO_FOLLOW(1) || TO_FOLLOW(NW - 1))
#define VACANCY (living[0] == VACANT || living[1] == VACANT || living[NW - 1] == VACANT)

proctype master()
{
	byte below, held, x, tear, heir, o;
	bool looked;

	do
	:: d_step { (settled | OF_ALL(pipe)) == ALL && !over -> take_in(); end_map(POOL_OK); }
	DEATH_OF(0)
	DEATH_OF(1)
	MEND(0)
	MEND(1)
#if NW > 2
	DEATH_OF(2)
	MEND(2)
#endif
#if SPARES < DEATHS
	LEND(0, 1)
	LEND(1, 0)
#if NW > 2
	LEND(0, 2)
	LEND(1, 2)
	LEND(2, 0)
	LEND(2, 1)
#endif
#endif
	:: VACANCY && (ANY_TO_FOLLOW || NOBODY_LEFT || PASS_ANYWAY) -> lend_pass();
	:: atomic { over -> break; }
	od;
	assert(ended != POOL_OK || (settled == ALL && committed == ALL));
}

#ifdef ENDS
ltl ends { <> over }
#endif

init
{
	byte w;

	d_step {
		do
		:: w < NW ->
			low[w] = NONE;
			at[w] = NONE;
			wants[w] = NONE;
			running[w] = NONE;
			carries[w] = NOBODY;
			start[w] = true;
			w++;
		:: else -> break;
		od;
		w = 0;
	}
	atomic {
		run master();
		run worker(0);
		run worker(1);
#if NW > 2
		run worker(2);
#endif
		run killer();
	}
}

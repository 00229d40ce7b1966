// The protocol of `QueueRing`, for one or many senders and receivers, where a process of either side
// may die between any two steps. The steps are named as in the code.
//
// Another process replaces each that dies. Here every process sees each step at once; `ModelTests`
// covers the order in which steps become visible. A sleep ends by itself once after a death: that
// stands for the second after which sleepers look again.
//
//   SENDERS, RECEIVERS
//                 the number of processes of each side
//   CAPACITY      the number of messages that fit
//   PER_GROUP     the number of messages of a group
//   LAZY          the only sender keeps its position, and stores the tail only where a group ends
//   MESSAGES      the number of messages sent
//   DEATHS        the number of processes that die
//   ACKNOWLEDGED  whether a receiver takes a message only after handling it
//   FAULT_...     leaves out or misplaces a step; the search has to find the fault

#ifndef SENDERS
#define SENDERS 2
#endif
#ifndef RECEIVERS
#define RECEIVERS 1
#endif
#ifndef CAPACITY
#define CAPACITY 1
#endif
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifdef FAULT_TAIL_AFTER_FIRST
#define PER_GROUP 2
#define LAZY
#endif
#ifndef PER_GROUP
#define PER_GROUP 1
#endif
// Groups for the messages that fit, and one more, rounded up.
#define GROUPS ((CAPACITY - 1) / PER_GROUP + 2 > 2 -> 4 : 2)
#define PLACES 4
#define GROUP(position) ((position) / PER_GROUP % GROUPS)
#define SLOT(position) ((position) % (GROUPS * PER_GROUP))

#ifdef FAULT_TAIL_AFTER_FIRST
#define TELLS(next) ((next) % PER_GROUP == 1)
#else
#ifdef LAZY
#define TELLS(next) ((next) % PER_GROUP == 0)
#else
#define TELLS(next) true
#endif
#endif

// Where a sender that waits for room is: the only one does not look at the tail.
#ifdef LAZY
#define OWN position
#else
#define OWN tail
#endif

// The shared memory.
byte count[PLACES];               // of each group
byte first[PLACES * PER_GROUP], second[PLACES * PER_GROUP];  // the two words of a message
byte tail, taken;                 // the positions of both sides
bool sendersWait, receiversWait;  // the marks of the gates
byte senderGate, receiverGate;    // change when a process finds the mark and opens the gate
bool finished;
bool senderLock, receiverLock;    // held; the next process takes a dead holder's lock

// What the model knows besides.
byte nextNumber;                  // the number of messages begun
byte order[MESSAGES + DEATHS + 1];   // the number of each message sent, by its position
byte sentCount;
byte deaths, deadReceivers;
byte received[MESSAGES + DEATHS + 1];  // how often each position was received
byte endedSenders;

// Opens a gate, R3 to R5, by a change that wakes all sleepers on the value before.
#define OPEN(mark, gate) if :: d_step { mark -> mark = false; gate = (gate + 1) % 4 } :: else fi

// The process may die here.
#define DEATH(place) if :: deaths < DEATHS -> deaths++; goto place :: true fi

proctype Sender() {
  byte position, limit, number, gate, before;
#ifdef LAZY
  bool knows;
#endif
begin:
  do
  :: atomic { !senderLock -> senderLock = true }
#ifdef LAZY
     if :: knows -> goto known :: else -> knows = true fi;
#endif
     // S0: start where the last sender stopped.
     position = tail;
#ifndef FAULT_NO_RECOVERY
     if
     :: count[GROUP(position)] > position ->
        position = count[GROUP(position)];
        tail = position
     :: else
     fi;
#endif
known:
     if :: sentCount >= MESSAGES -> senderLock = false; break :: else fi;
S1:  limit = taken + CAPACITY;
#ifdef FAULT_ROOM_FOR_MORE
     limit = limit + 2;
#endif
     if
     :: position == limit ->
        senderLock = false;
A1:     d_step { sendersWait = true; gate = senderGate; before = deaths }
#ifndef FAULT_NO_SECOND_LOOK
        // A3: a receiver that takes a message in between sees the mark, or this sender sees the room.
        if :: OWN - taken != CAPACITY -> goto begin :: else fi;
#endif
A4:     senderGate != gate || deaths != before;
        goto begin
     :: else
     fi;
     DEATH(dead);
#ifdef FAULT_COUNT_BEFORE_MESSAGE
     d_step { count[GROUP(position)] = position + 1; number = nextNumber; nextNumber++;
       order[position] = number; sentCount++ }
     first[SLOT(position)] = number;
     DEATH(dead);
     second[SLOT(position)] = number;
#else
S2:  d_step { number = nextNumber; nextNumber++ }
     first[SLOT(position)] = number;
     DEATH(dead);
     second[SLOT(position)] = number;
     DEATH(dead);
#ifdef FAULT_TAIL_BEFORE_COUNT
     tail = position + 1;
     DEATH(dead);
#endif
S3:  d_step { count[GROUP(position)] = position + 1; order[position] = number; sentCount++ }
#endif
     DEATH(dead);
S4:  if :: TELLS(position + 1) -> tail = position + 1 :: else fi;
     DEATH(dead);
#ifndef FAULT_NO_WAKE
S5:  OPEN(receiversWait, receiverGate);
#endif
     position = position + 1;
     senderLock = false
  od;
  // The last sender finishes the queue: receivers get what is left, and then the end.
  endedSenders++;
  if
  :: endedSenders == SENDERS -> finished = true; OPEN(receiversWait, receiverGate)
  :: else
  fi;
  goto end;
dead:
  // The kernel reports to the next process that the lock holder is dead.
#ifdef LAZY
  knows = false;
#endif
  atomic { senderLock = false; position = 0; limit = 0; number = 0; gate = 0; before = 0; goto begin }
end:
  skip
}

proctype Receiver() {
  byte position, gate, before;
  bool isOver;
begin:
  do
  :: isOver = finished;
     atomic { !receiverLock -> receiverLock = true }
     position = taken;
T0:  if
     :: count[GROUP(position)] > position ->
        DEATH(dead);
T1:     assert(first[SLOT(position)] == order[position]);
        assert(second[SLOT(position)] == order[position]);
        DEATH(dead);
#ifdef ACKNOWLEDGED
        d_step { received[position]++ }
        DEATH(dead);
#endif
T2:     taken = position + 1;
#ifndef ACKNOWLEDGED
        if
        :: deaths < DEATHS -> deaths++; deadReceivers++; goto dead
        :: true
        fi;
        d_step { received[position]++; assert(received[position] == 1) }
#endif
#ifndef FAULT_NO_WAKE_OF_SENDERS
T3:     OPEN(sendersWait, senderGate);
#endif
        receiverLock = false
     :: else ->
        receiverLock = false;
        if :: isOver -> break :: else fi;
A1:     d_step { receiversWait = true; gate = receiverGate; before = deaths }
#ifndef FAULT_NO_SECOND_LOOK
        if :: count[GROUP(taken)] > taken || finished -> goto begin :: else fi;
#endif
A4:     receiverGate != gate || deaths != before;
     fi
  od;
  goto end;
dead:
  atomic { receiverLock = false; position = 0; isOver = false; gate = 0; before = 0; goto begin }
end:
  skip
}

init {
  byte index, lostCount;
  atomic {
    do :: index < SENDERS -> run Sender(); index++ :: else -> break od;
    index = 0;
    do :: index < RECEIVERS -> run Receiver(); index++ :: else -> break od
  }
  // All are done.
  _nr_pr == 1;
  d_step {
    index = 0;
    do
    :: index < sentCount ->
       if :: received[index] == 0 -> lostCount++ :: else fi;
       index++
    :: else -> break
    od;
    assert(taken == sentCount);
#ifdef ACKNOWLEDGED
    assert(lostCount == 0);
#else
    assert(lostCount <= deadReceivers);
#endif
  }
}

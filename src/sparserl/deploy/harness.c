/* Calls of a written policy, for its latency and its instructions. Compiled with the policy, and with POLICY_HEADER,
 * POLICY_ACT, NUM_FEATURES, ACTION (its type) and NUM_ACTIONS defined. */
#define _POSIX_C_SOURCE 199309L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include POLICY_HEADER

static volatile ACTION seen; /* so that no call can be left out */

static void act(const float *observation)
{
    ACTION action[NUM_ACTIONS];
    POLICY_ACT(observation, action);
    seen = action[0];
}

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Nanoseconds of each of `count` calls, with one observation after another. */
void harness_time(const float *observations, int64_t num_observations, int64_t count, int64_t *nanoseconds)
{
    int64_t call;
    for (call = 0; call < count; call++) {
        const float *observation = observations + call % num_observations * NUM_FEATURES;
        const int64_t began = now();
        act(observation);
        nanoseconds[call] = now() - began;
    }
}

/* As many calls as `count` says, and nothing else. */
void harness_call(const float *observations, int64_t num_observations, int64_t count)
{
    int64_t call;
    for (call = 0; call < count; call++) {
        act(observations + call % num_observations * NUM_FEATURES);
    }
}

/* In as many instructions for each digit, whichever it is, so that what a program does once is the same for all counts. */
static int64_t number_of(const char *digits)
{
    int64_t number = 0;
    while (*digits) {
        number = 10 * number + (*digits++ - '0');
    }
    return number;
}

/* As a program: a file of float32 observations, how many there are, and how many calls to make. */
int main(int count, char **words)
{
    const size_t number = count == 4 ? (size_t)number_of(words[2]) * NUM_FEATURES : 0;
    float *observations = (float *)malloc(number * sizeof(float) + 1);
    FILE *file = number ? fopen(words[1], "rb") : NULL;
    if (!observations || !file || fread(observations, sizeof(float), number, file) != number) {
        return 2;
    }
    harness_call(observations, number_of(words[2]), number_of(words[3]));
    fclose(file);
    free(observations);
    return 0;
}

/* An example: tests the policy, then reads observations from standard input, {{ num_features }} numbers each, and prints an action for
 * each. Ends with 1 where the self-test fails. */
#include "{{ prefix }}.h"

#include <stdio.h>

int main(void)
{
    float observation[{{ PREFIX }}_NUM_FEATURES];
    const float difference = {{ prefix }}_self_test();
    int count = 0;
    printf("self-test: largest difference %.3g, allowed %.3g\n", (double)difference, (double){{ PREFIX }}_SELF_TEST_LIMIT);
    if (!(difference <= {{ PREFIX }}_SELF_TEST_LIMIT)) {
        return 1;
    }
    while (scanf("%f", &observation[count]) == 1) {
        if (++count == {{ PREFIX }}_NUM_FEATURES) {
{% if decision == "greatest" %}
            int32_t action;
            {{ prefix }}_act(observation, &action);
            printf("%ld\n", (long)action);
{% else %}
            float action[{{ PREFIX }}_ACTION_SIZE];
            int i;
            {{ prefix }}_act(observation, action);
            for (i = 0; i < {{ PREFIX }}_ACTION_SIZE; i++) {
                printf(i == 0 ? "%.9g" : " %.9g", (double)action[i]);
            }
            printf("\n");
{% endif %}
            fflush(stdout);
            count = 0;
        }
    }
    return 0;
}

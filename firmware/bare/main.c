/* A program for the gdb link on a chip of which only the memory map is known: start-up, the model, and nothing that runs. */
#include "mcuq/model.h"

/* Keeps the model and its arena in the program: a debugger calls them, but no code does. */
extern const mcuq_model *volatile mcuq_kept_model;
const mcuq_model *volatile mcuq_kept_model;

int main(void)
{
    mcuq_kept_model = &mcuq_the_model;
    for (;;) {
    }
}

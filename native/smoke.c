// Loads the library, multiplies one small matrix with it and checks the answer: exit code 0 if right.
#include <math.h>
#include <pthreadpool.h>
#include <stdio.h>
#include <xnnpack.h>

size_t onnxstream_add_kernels(void);

static int check(enum xnn_status status, const char* what) {
  if (status != xnn_status_success) {
    fprintf(stderr, "smoke: %s failed with status %d\n", what, (int)status);
  }
  return status == xnn_status_success;
}

int main(void) {
  enum { rows = 5, inputs = 7, outputs = 3 };
  float x[rows * inputs + XNN_EXTRA_BYTES / sizeof(float)], w[outputs * inputs], b[outputs], y[rows * outputs];
  for (int i = 0; i < rows * inputs; i++) x[i] = (float)(i % 11) - 5.0f;
  for (int i = 0; i < outputs * inputs; i++) w[i] = (float)(i % 5) - 2.0f;
  for (int i = 0; i < outputs; i++) b[i] = (float)i;

  if (!check(xnn_initialize(NULL), "xnn_initialize")) return 1;
  printf("smoke: %d kernels added\n", (int)onnxstream_add_kernels());
  pthreadpool_t pool = pthreadpool_create(2);
  xnn_operator_t op = NULL;
  int ok = check(xnn_create_fully_connected_nc_f32(inputs, outputs, inputs, outputs, w, b, -INFINITY, INFINITY, 0, NULL, NULL, &op), "create") &&
           check(xnn_reshape_fully_connected_nc_f32(op, rows, pool), "reshape") &&
           check(xnn_setup_fully_connected_nc_f32(op, x, y), "setup") && check(xnn_run_operator(op, pool), "run");
  for (int r = 0; ok && r < rows; r++) {
    for (int o = 0; o < outputs; o++) {
      float expected = b[o];
      for (int i = 0; i < inputs; i++) expected += x[r * inputs + i] * w[o * inputs + i];
      if (fabsf(expected - y[r * outputs + o]) > 1e-4f) {
        fprintf(stderr, "smoke: [%d,%d] is %g, expected %g\n", r, o, y[r * outputs + o], expected);
        ok = 0;
      }
    }
  }
  xnn_delete_operator(op);
  pthreadpool_destroy(pool);
  if (ok) puts("smoke: ok");
  return ok ? 0 : 1;
}

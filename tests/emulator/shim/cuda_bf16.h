// Included by candle for kernels that are left out.
#pragma once

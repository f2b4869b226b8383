using System.Numerics;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Counts known sequences of integers (n-grams), with up to a number of skipped elements between two.</summary>
/// <param name="rows">The number of rows, counted each for itself.</param>
/// <param name="length">The elements of a row.</param>
/// <param name="grams">The sequences by length; the value is where the count goes.</param>
/// <param name="shortest">The shortest length that is counted.</param>
/// <param name="longest">The longest.</param>
/// <param name="skips">The most elements that are skipped between two.</param>
/// <param name="outputs">The number of counts of a row.</param>
/// <param name="weigh">Turns a count into the result, by place.</param>
internal sealed unsafe class NGramKernel<T>(
    long rows, int length, IReadOnlyDictionary<int, Dictionary<string, int>> grams, int shortest, int longest, int skips, int outputs, Func<int, long, float> weigh) : Kernel
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    public override string Name => "n-grams";

    /// <summary>What identifies a sequence.</summary>
    public static string Key(IEnumerable<long> sequence) => Listing.Of(sequence);

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        T* input = (T*)context.Input(0);
        float* output = (float*)context.Output(0);
        long[] counts = new long[outputs];
        for (long row = 0; row < rows; row++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            Array.Clear(counts);
            Count(input + row * length, counts);
            for (int i = 0; i < outputs; i++)
            {
                output[row * outputs + i] = weigh(i, counts[i]);
            }
        }
    }

    private void Count(T* elements, long[] counts)
    {
        for (int size = shortest; size <= longest; size++)
        {
            if (!grams.TryGetValue(size, out Dictionary<string, int>? known))
            {
                continue;
            }

            // A single element has no gaps: it counts once.
            for (int distance = 1; distance <= (size == 1 ? 1 : skips + 1); distance++)
            {
                for (int start = 0; start + (long)(size - 1) * distance < length; start++)
                {
                    long[] sequence = new long[size];
                    for (int i = 0; i < size; i++)
                    {
                        sequence[i] = long.CreateTruncating(elements[start + i * distance]);
                    }

                    if (known.TryGetValue(Key(sequence), out int place))
                    {
                        counts[place]++;
                    }
                }
            }
        }
    }
}

using OnnxStream.Interop.Native;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Planning;

/// <summary>Gives buffers places in one block of memory so that those that live at the same time do not overlap.</summary>
internal static class Arena
{
    /// <summary>Bytes after the last buffer: XNNPACK's kernels may read past the end of an input.</summary>
    /// <remarks>The end of any other buffer is followed by the next one. Room behind each would be waste, and worse: two halves would not fit where a whole was.</remarks>
    public const long Padding = XnnpackLibrary.ReadPastEnd;

    /// <summary>Sets the offsets and returns the size of the arena: largest first, each at the lowest place that is free for its whole life.</summary>
    /// <remarks>The greedy order is the one that Pisarchyk and Lee found best in "Efficient Memory Management for Deep Neural Net Inference" (arXiv 2001.03288).</remarks>
    public static long Place(IReadOnlyList<PlanBuffer> buffers)
    {
        long size = 0;
        List<PlanBuffer> placed = []; // by offset
        foreach (PlanBuffer buffer in buffers.OrderByDescending(buffer => buffer.Length).ThenBy(buffer => buffer.FirstStep))
        {
            long length = CountedMemory.Align(buffer.Length);
            long offset = 0;
            foreach (PlanBuffer other in placed)
            {
                if (other.FirstStep > buffer.LastStep || other.LastStep < buffer.FirstStep)
                {
                    continue;
                }

                if (other.Offset >= offset + length)
                {
                    break;
                }

                offset = Math.Max(offset, other.Offset + CountedMemory.Align(other.Length));
            }

            buffer.Offset = offset;
            size = Math.Max(size, offset + length);
            int index = placed.FindIndex(other => other.Offset > offset);
            placed.Insert(index < 0 ? placed.Count : index, buffer);
        }

        return placed.Count == 0 ? 0 : size + Padding;
    }
}

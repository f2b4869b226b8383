namespace OnnxStream.Interop.Kernels;

/// <summary>Greedily selects boxes by score that do not overlap too much with ones selected before, for each image and class.</summary>
/// <param name="boxes">The shape of the boxes, [images, boxes, 4].</param>
/// <param name="classes">The number of classes.</param>
/// <param name="bound">The most boxes that are selected of a class.</param>
/// <param name="isCenterPoint">Whether boxes are [x of the center, y, width, height] rather than two opposite corners [y1, x1, y2, x2].</param>
/// <param name="limitInput">The input with the most boxes that are selected of a class.</param>
/// <param name="overlapInput">The input with the largest overlap; 0 for none: any overlap is too much.</param>
/// <param name="scoreInput">The input with the score that a box must exceed; 0 for none.</param>
internal sealed unsafe class NonMaxSuppressionKernel(Shape boxes, long classes, long bound, bool isCenterPoint, int limitInput, int overlapInput, int scoreInput) : Kernel
{
    /// <inheritdoc/>
    public override string Name => "non-max suppression";

    /// <inheritdoc/>
    public override long ScratchBytes => boxes[1] * sizeof(ulong);

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        long limit = Math.Clamp(*(long*)context.Input(limitInput), 0, bound);
        float overlap = overlapInput > 0 ? *(float*)context.Input(overlapInput) : 0;
        float least = scoreInput > 0 ? *(float*)context.Input(scoreInput) : float.NegativeInfinity;
        long* output = (long*)context.Output(0);
        long total = 0;
        for (long image = 0; image < boxes[0]; image++)
        {
            float* candidates = (float*)context.Input(0) + image * boxes[1] * 4;
            for (long category = 0; category < classes && limit > 0; category++)
            {
                context.CancellationToken.ThrowIfCancellationRequested();
                float* scores = (float*)context.Input(1) + (image * classes + category) * boxes[1];
                int count = Sort(scores, scoreInput > 0, least, new Span<ulong>(context.Scratch, checked((int)boxes[1])));
                long first = total;
                for (int i = 0; i < count && total - first < limit; i++)
                {
                    uint candidate = (uint)((ulong*)context.Scratch)[i];
                    if (IsFree(candidates, candidate, output + first * 3, total - first, overlap))
                    {
                        output[total * 3] = image;
                        output[total * 3 + 1] = category;
                        output[total * 3 + 2] = candidate;
                        total++;
                    }
                }
            }
        }

        context.SetOutputShape(0, new Shape(total, 3));
    }

    // Keys of boxes whose order is that of falling scores; boxes of equal scores keep their order. Returns how many there are.
    private static int Sort(float* scores, bool hasLeast, float least, Span<ulong> keys)
    {
        int count = 0;
        for (int i = 0; i < keys.Length; i++)
        {
            if (hasLeast && !(scores[i] > least))
            {
                continue;
            }

            // The bits of positive numbers are ordered as the numbers are, those of negative ones the other way round.
            uint bits = BitConverter.SingleToUInt32Bits(scores[i] + 0f);
            uint ascending = (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
            keys[count++] = ((ulong)~ascending << 32) | (uint)i;
        }

        keys[..count].Sort();
        return count;
    }

    private bool IsFree(float* candidates, uint candidate, long* selected, long count, float overlap)
    {
        for (long i = 0; i < count; i++)
        {
            if (Overlaps(candidates + candidate * 4L, candidates + selected[i * 3 + 2] * 4, overlap))
            {
                return false;
            }
        }

        return true;
    }

    private bool Overlaps(float* left, float* right, float threshold)
    {
        (float left0, float left1, float left2, float left3) = Corners(left);
        (float right0, float right1, float right2, float right3) = Corners(right);
        float first = Math.Min(left2, right2) - Math.Max(left0, right0);
        float second = Math.Min(left3, right3) - Math.Max(left1, right1);
        if (!(first > 0) || !(second > 0))
        {
            return false;
        }

        float leftArea = (left2 - left0) * (left3 - left1);
        float rightArea = (right2 - right0) * (right3 - right1);
        float intersection = first * second;
        float union = leftArea + rightArea - intersection;
        return leftArea > 0 && rightArea > 0 && union > 0 && intersection / union > threshold;
    }

    // The lower ends along both dimensions, then the upper ends.
    private (float, float, float, float) Corners(float* box) => isCenterPoint
        ? (box[0] - box[2] / 2, box[1] - box[3] / 2, box[0] + box[2] / 2, box[1] + box[3] / 2)
        : (Math.Min(box[0], box[2]), Math.Min(box[1], box[3]), Math.Max(box[0], box[2]), Math.Max(box[1], box[3]));
}

using System.Numerics.Tensors;

namespace OnnxStream.Interop.Language.Sampling;

/// <summary>What scores say as probabilities.</summary>
internal static class LogProbabilities
{
    /// <summary>The logarithm of the sum of the exponentials of the scores: what a score is above it is its logarithm of the probability.</summary>
    public static double LogSum(ReadOnlySpan<float> logits)
    {
        float largest = TensorPrimitives.Max(logits);
        double sum = 0;
        foreach (float logit in logits)
        {
            sum += Math.Exp((double)logit - largest);
        }

        return largest + Math.Log(sum);
    }

    /// <summary>The likeliest tokens, the first one first.</summary>
    public static TokenProbability[] Top(ReadOnlySpan<float> logits, int count, double logSum)
    {
        PriorityQueue<int, (float Score, int Order)> best = new();
        for (int i = 0; i < logits.Length; i++)
        {
            // The smallest id of equal scores is the better one.
            (float, int) rank = (logits[i], -i);
            if (best.Count < count)
            {
                best.Enqueue(i, rank);
            }
            else if (count > 0)
            {
                best.EnqueueDequeue(i, rank);
            }
        }

        TokenProbability[] top = new TokenProbability[best.Count];
        for (int i = top.Length - 1; i >= 0; i--)
        {
            int id = best.Dequeue();
            top[i] = new TokenProbability(id, (float)(logits[id] - logSum));
        }

        return top;
    }
}

using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>UniPC in B2 form with predictions of the picture: each evaluation first corrects the sample that it was asked for, then predicts the next.</summary>
/// <remarks>What is remembered is the sample before the last step, corrected, and the denoised pictures of the latest steps.</remarks>
internal sealed class UniPcRun(RunSettings settings, SamplingState state, IRandomSource random) : SamplingRun(settings, state, random)
{
    /// <inheritdoc/>
    protected override IEnumerable<Evaluation> TakeStep(int step)
    {
        yield return At(Current, step);
        float[] denoised = Denoised;
        List<float[]> pictures = [.. History.Skip(1)];
        if (StepsTaken > 0)
        {
            Current = Advance(History[0], pictures, step - 1, OrderOf(step - 1), denoised);
        }

        pictures.Insert(0, denoised);
        float[] corrected = Current;
        Current = Advance(corrected, pictures, step, OrderOf(step), null);
        Replace([corrected, .. pictures.Take(Order)]);
    }

    // Fewer pictures in the first steps, and in the last ones, where few large steps would become unstable.
    private int OrderOf(int step) => Math.Min(Math.Min(Order, Levels.Count - step), step - (Step - StepsTaken) + 1);

    /// <summary>Takes a step of an order; with the picture at its end, the corrector's.</summary>
    private float[] Advance(float[] sample, List<float[]> pictures, int step, int order, float[]? end)
    {
        double from = Sigma(step), to = Sigma(step + 1);
        if (to == 0)
        {
            return pictures[0];
        }

        double h = Lambda(step + 1) - Lambda(step), phi = Math.Exp(-h) - 1;
        List<double> places = [];
        List<(double Weight, float[] Values)> terms = [(to / from, sample), (-phi, pictures[0])];
        for (int i = 1; i < order; i++)
        {
            places.Add((Lambda(step - i) - Lambda(step)) / h);
        }

        // The order of conditions: the predictor has no picture at the end, the corrector has.
        int unknowns = end is null ? order - 1 : order;
        if (end is not null)
        {
            places.Add(1);
        }

        double[] weights = Weights(places, -h, phi, unknowns);
        for (int i = 0; i < unknowns; i++)
        {
            double scaled = -phi * weights[i] / places[i];
            terms.Add((scaled, end is not null && i == unknowns - 1 ? end : pictures[i + 1]));
            terms.Add((-scaled, pictures[0]));
        }

        return Combine([.. terms]);
    }

    // The solution of sum of place^(k-1) weight = k! phi_(k+1)(h) / phi_1(h) for k from 1 on; one unknown alone is a half, as the authors have it.
    private static double[] Weights(List<double> places, double h, double phi, int count)
    {
        if (count == 1)
        {
            return [0.5];
        }

        double[,] matrix = new double[count, count + 1];
        double value = (phi / h) - 1, factorial = 1;
        for (int row = 0; row < count; row++)
        {
            for (int column = 0; column < count; column++)
            {
                matrix[row, column] = Math.Pow(places[column], row);
            }

            matrix[row, count] = value * factorial / phi;
            factorial *= row + 2;
            value = (value / h) - (1 / factorial);
        }

        for (int pivot = 0; pivot < count; pivot++)
        {
            for (int row = 0; row < count; row++)
            {
                double factor = row == pivot ? 0 : matrix[row, pivot] / matrix[pivot, pivot];
                for (int column = pivot; column <= count; column++)
                {
                    matrix[row, column] -= factor * matrix[pivot, column];
                }
            }
        }

        return [.. Enumerable.Range(0, count).Select(row => matrix[row, count] / matrix[row, row])];
    }
}

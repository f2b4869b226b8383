using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>SDE-DPM-Solver++(3M): the parabola through the denoised pictures of three steps, and new noise. The last step, to no noise, is the denoised picture.</summary>
internal sealed class DpmPlusPlus3MSdeRun(RunSettings settings, SamplingState state, IRandomSource random) : SamplingRun(settings, state, random)
{
    /// <inheritdoc/>
    protected override IEnumerable<Evaluation> TakeStep(int step)
    {
        yield return At(Current, step);
        double to = Sigma(step + 1);
        if (to == 0)
        {
            Current = Denoised;
        }
        else
        {
            double h = Lambda(step + 1) - Lambda(step), damping = h * (1 + Eta);
            double phi1 = 1 - Math.Exp(-damping), phi2 = 1 - (phi1 / damping), phi3 = (phi2 / damping) - 0.5;
            float[] next = Combine((Math.Exp(-damping), Current), (phi1, Denoised));
            if (History.Count > 0)
            {
                double r0 = (Lambda(step) - Lambda(step - 1)) / h;
                float[] slope = Combine((1 / r0, Denoised), (-1 / r0, History[0]));
                if (History.Count > 1)
                {
                    double r1 = (Lambda(step - 1) - Lambda(step - 2)) / h;
                    float[] before = Combine((1 / r1, History[0]), (-1 / r1, History[1]));
                    double part = r0 / (r0 + r1);
                    next = Combine((1, next), ((phi2 * (1 + part)) - (phi3 / (r0 + r1)), slope), ((phi3 / (r0 + r1)) - (phi2 * part), before));
                }
                else
                {
                    next = Combine((1, next), (phi2, slope));
                }
            }

            Current = next;
            AddNoise(to * Math.Sqrt(1 - Math.Exp(-2 * Eta * h)));
        }

        Remember(Denoised, 2);
    }
}

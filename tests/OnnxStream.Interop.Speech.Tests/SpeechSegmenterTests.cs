using System.Text.Json;

namespace OnnxStream.Interop.Speech.Tests;

public class SpeechSegmenterTests
{
    [Test]
    public void SegmentsAreThoseOfSilerosOwnProgram()
    {
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "Reference", "segments.json")));
        int count = 0;
        foreach (JsonElement item in reference.RootElement.EnumerateArray())
        {
            (VoiceActivityOptions options, int rate) = ReadOptions(item.GetProperty("options"));
            SpeechSegmenter segmenter = new(options, rate, rate == 16_000 ? 512 : 256);
            List<long[]> found = [];
            foreach (JsonElement probability in item.GetProperty("probabilities").EnumerateArray())
            {
                segmenter.Push(probability.GetDouble());
                Take();
            }

            segmenter.Complete(item.GetProperty("samples").GetInt64());
            Take();
            long[][] expected = [.. item.GetProperty("segments").EnumerateArray().Select(segment => (long[])[segment[0].GetInt64(), segment[1].GetInt64()])];
            Assert.That(found, Is.EqualTo(expected), $"case {count}: {item.GetProperty("options")}");
            count++;

            void Take()
            {
                while (segmenter.TryTake(out (long Start, long End) segment))
                {
                    found.Add([segment.Start, segment.End]);
                }
            }
        }

        Assert.That(count, Is.EqualTo(72));
    }

    // Somebody who waits for what was said should not wait until the next word.
    [Test]
    public void ASegmentIsGivenSoonAfterItsEnd()
    {
        SpeechSegmenter segmenter = new(new VoiceActivityOptions(), 16_000, 512);
        for (int i = 0; i < 30; i++)
        {
            segmenter.Push(0.9);
        }

        Assert.That(segmenter.IsSpeech, Is.True);
        int waited = 0;
        while (!segmenter.TryTake(out _))
        {
            segmenter.Push(0.01);
            waited++;
        }

        Assert.That(waited, Is.LessThanOrEqualTo(5));
        Assert.That(segmenter.IsSpeech, Is.False);
    }

    private static (VoiceActivityOptions Options, int Rate) ReadOptions(JsonElement given)
    {
        VoiceActivityOptions options = new();
        int rate = 16_000;
        foreach (JsonProperty option in given.EnumerateObject())
        {
            options = option.Name switch
            {
                "threshold" => options with { Threshold = option.Value.GetDouble() },
                "neg_threshold" => options with { EndThreshold = option.Value.GetDouble() },
                "min_speech_duration_ms" => options with { LeastSpeech = TimeSpan.FromMilliseconds(option.Value.GetDouble()) },
                "min_silence_duration_ms" => options with { LeastSilence = TimeSpan.FromMilliseconds(option.Value.GetDouble()) },
                "speech_pad_ms" => options with { Padding = TimeSpan.FromMilliseconds(option.Value.GetDouble()) },
                "max_speech_duration_s" => options with { MostSpeech = TimeSpan.FromSeconds(option.Value.GetDouble()) },
                "use_max_poss_sil_at_max_speech" => options with { CutsAtLongestSilence = option.Value.GetBoolean() },
                _ => options,
            };
            rate = option.Name == "sampling_rate" ? option.Value.GetInt32() : rate;
        }

        return (options, rate);
    }
}

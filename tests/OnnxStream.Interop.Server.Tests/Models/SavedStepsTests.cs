using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Server.Tests.Models;

public class SavedStepsTests
{
    private static readonly SamplingState[] s_states =
    [
        new(2, 5, new float[] { 1, -2.5f, float.Epsilon }, [new float[] { 3, 4, 5 }, new float[] { 6, 7, 8 }], 3),
        new(2, 5, new float[] { 0, 1, 2 }, [], 0),
    ];

    [Test]
    public void WhatIsWrittenIsRead()
    {
        IReadOnlyList<SamplingState> read = SavedSteps.Read(SavedSteps.Write(s_states), 2)!;
        for (int i = 0; i < s_states.Length; i++)
        {
            Assert.That((read[i].FirstStep, read[i].Step, read[i].NoiseCount), Is.EqualTo((s_states[i].FirstStep, s_states[i].Step, s_states[i].NoiseCount)));
            Assert.That(read[i].Sample.ToArray(), Is.EqualTo(s_states[i].Sample.ToArray()));
            Assert.That(read[i].History.Select(item => item.ToArray()), Is.EqualTo(s_states[i].History.Select(item => item.ToArray())));
        }

        Assert.That(SavedSteps.Read(SavedSteps.Write(s_states), 3), Is.Null, "another number of pictures");
    }

    [Test]
    public void WhatIsNotWholeIsNothing()
    {
        byte[] whole = SavedSteps.Write(s_states);
        for (int length = 0; length < whole.Length; length++)
        {
            Assert.That(SavedSteps.Read(whole[..length], 2), Is.Null, $"{length} bytes");
        }
    }

    [Test]
    public void NoBytesMakeItFail()
    {
        Random random = new(1);
        byte[] whole = SavedSteps.Write(s_states);
        for (int round = 0; round < 2000; round++)
        {
            byte[] spoilt = [.. whole];
            spoilt[random.Next(spoilt.Length)] = (byte)random.Next(256);
            Assert.DoesNotThrow(() => SavedSteps.Read(spoilt, 2));
        }
    }
}

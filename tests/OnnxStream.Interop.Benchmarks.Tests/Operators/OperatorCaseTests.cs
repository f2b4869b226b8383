using OnnxStream.Interop.Benchmarks.Operators;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Benchmarks.Tests.Operators;

public class OperatorCaseTests
{
    // What is no elementwise, reduction or movement operator: products, recurrent layers, control flow, signals, losses, text, random numbers, attention.
    private static readonly string[] s_others =
    [
        "Attention", "Bernoulli", "BlackmanWindow", "CausalConvWithState", "ConcatFromSequence", "Constant", "Conv", "ConvInteger", "ConvTranspose", "DFT", "DeformConv", "Det", "Einsum", "GRU", "Gemm",
        "HammingWindow", "HannWindow", "If", "LSTM", "LinearAttention", "Loop", "MatMul", "MatMulInteger", "MaxRoiPool", "MelWeightMatrix", "Multinomial", "NegativeLogLikelihoodLoss",
        "NonMaxSuppression", "Optional", "OptionalGetElement", "OptionalHasElement", "QLinearConv", "QLinearMatMul", "RNN", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "RotaryEmbedding", "STFT", "Scan",
        "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert", "SequenceLength", "SequenceMap",
        "SimplifiedLayerNormalization", "SoftmaxCrossEntropyLoss", "SplitToSequence", "SwiGLU", "TfIdfVectorizer",
    ];

    [Test]
    public void EveryOperatorThatMovesOrMapsElementsIsMeasured()
    {
        string[] registered = [.. OperatorRegistry.All.Where(name => name.Domain.Length == 0).Select(name => name.OperatorType)];
        Assert.That(registered.Except(s_others).Except(OperatorCase.All.Select(item => item.OperatorType)), Is.Empty, "not in operators.txt");
        Assert.That(s_others.Except(registered), Is.Empty, "not registered");
    }

    [Test]
    public void NamesAreDifferent() => Assert.That(OperatorCase.All.Select(item => item.Name), Is.Unique);

    [Test]
    public void ANodeIsMeasuredByBothEngines()
    {
        OperatorCase operatorCase = OperatorCase.All.First(item => item.OperatorType == "ReduceMax");
        OperatorResult result = new OperatorComparison(rounds: 2, threads: 2).Measure(operatorCase, CancellationToken.None);
        Assert.That(result.Failure, Is.Null);
        Assert.That(result.Turns, Has.Count.EqualTo(2));
        Assert.That(result.Turns, Has.All.Matches<OperatorTurn>(turn => turn is { BaselineS: > 0, StepsS: > 0 } && turn.RunS >= turn.StepsS));
    }

    [Test]
    public void WhatAnEngineRefusesIsSaid()
    {
        OperatorCase operatorCase = OperatorCase.All.First(item => item.OperatorType == "CumProd");
        Assert.That(new OperatorComparison(rounds: 1, threads: 1).Measure(operatorCase, CancellationToken.None) is { Failure: null, Turns.Count: 1 } or { Failure.Length: > 0, Turns.Count: 0 }, Is.True);
    }
}
